using System.Diagnostics;
using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class BatchLoaderTests
{
    [Fact]
    public void An_epoch_yields_every_sample_once_and_a_short_last_batch()
    {
        var dataset = new ProceduralDataset(count: 70);
        var loader = new BatchLoader(dataset, Preprocessing.Cifar10, new() { BatchSize = 32 });
        var counts = new List<int>();
        var seen = new List<int>();
        var expected = new float[loader.Shape.Elements];
        foreach (var batch in loader.Epoch())
        {
            counts.Add(batch.Count);
            seen.AddRange(batch.Indices.Take(batch.Count));
            Assert.Equal(batch.Count * 3072, batch.ImagesInUse.Length);
            for (var i = 0; i < batch.Count; i++)
            {
                Assert.Equal(dataset.Label(batch.Indices[i]), batch.LabelsInUse[i]);
                Preprocessing.Cifar10.Apply(dataset.Load(batch.Indices[i]).Image!, expected);
                Assert.True(expected.AsSpan().SequenceEqual(batch.ImagesInUse.Slice(i * 3072, 3072)));
            }
        }
        Assert.Equal(3, loader.BatchCount);
        Assert.Equal([32, 32, 6], counts);
        Assert.Equal(Enumerable.Range(0, 70), seen);
    }

    [Fact]
    public void Shuffling_and_augmentation_depend_on_seed_and_epoch_not_on_threads()
    {
        var dataset = new ProceduralDataset(count: 100);
        var options = new BatchLoaderOptions { BatchSize = 16, Shuffle = true, Seed = 5, Augmentation = Augmentation.Cifar, Prefetch = 1 };
        var reference = Run(dataset, options, epoch: 2);
        Assert.Equal(reference, Run(dataset, options with { Prefetch = 7 }, epoch: 2));
        Assert.NotEqual(reference, Run(dataset, options, epoch: 3));
        Assert.NotEqual(reference, Run(dataset, options with { Seed = 6 }, epoch: 2));
    }

    [Fact]
    public void An_augmented_sample_does_not_depend_on_its_batch()
    {
        var dataset = new ProceduralDataset(count: 40);
        var options = new BatchLoaderOptions { Seed = 1, Augmentation = Augmentation.Cifar };
        Assert.Equal(Run(dataset, options with { BatchSize = 40 }, 1), Run(dataset, options with { BatchSize = 7 }, 1));
    }

    [Fact]
    public void Augmentation_moves_by_at_most_the_padding_and_mirrors_half()
    {
        var draws = Enumerable.Range(0, 4000).Select(i => Augmentation.Cifar.Draw(seed: 1, epoch: 0, index: i)).ToArray();
        Assert.All(draws, d => Assert.True(Math.Abs(d.X) <= 4 && Math.Abs(d.Y) <= 4));
        Assert.Equal(81, draws.Select(d => (d.X, d.Y)).Distinct().Count());
        Assert.InRange(draws.Count(d => d.Mirrored), 1850, 2150);
    }

    [Fact]
    public void Images_and_values_are_moved_alike()
    {
        var pixels = TestFiles.Noise(6 * 5 * 3);
        var image = new Image(6, 5, 3, pixels);
        var shape = new ImageShape(3, 5, 6);
        var values = new float[shape.Elements];
        Preprocessing.Raw.Apply(image, values);
        foreach (var shift in new PixelShift[] { new(0, 0, false), new(2, -1, false), new(-3, 4, true), new(0, 0, true), new(7, 0, false), new(0, -9, false) })
        {
            var (fromImage, fromValues) = (new float[shape.Elements], new float[shape.Elements]);
            new PixelNormalizer(Preprocessing.Raw).Write(image, shift, fromImage);
            shift.Move(values, shape, fromValues);
            Assert.Equal(fromImage, fromValues);
            for (var y = 0; y < 5; y++)
                for (var x = 0; x < 6; x++)
                {
                    var (fromX, fromY) = ((shift.Mirrored ? 5 - x : x) + shift.X, y + shift.Y);
                    var expected = fromX is >= 0 and < 6 && fromY is >= 0 and < 5 ? pixels[(fromY * 6 + fromX) * 3 + 1] : 0f;
                    Assert.Equal(expected, fromImage[30 + y * 6 + x]);
                }
        }
    }

    [Fact]
    public void A_failing_sample_surfaces_where_its_batch_would_have_come()
    {
        var loader = new BatchLoader(new FailingDataset(failsAt: 25), Preprocessing.Raw, new() { BatchSize = 10 });
        var batches = 0;
        var failure = Assert.Throws<PithException>(() => { foreach (var batch in loader.Epoch()) batches += batch.Count / 10; });
        Assert.Equal("sample 25 is broken", failure.Message);
        Assert.Equal(2, batches);
    }

    [Fact]
    public void Samples_of_different_shapes_are_refused_with_the_way_out()
    {
        var loader = new BatchLoader(new FailingDataset(odd: 3), Preprocessing.Raw, new() { BatchSize = 10 });
        var message = Assert.Throws<PithException>(() => loader.Epoch().First()).Message;
        Assert.Contains("sample 3 becomes 3x2x4", message, StringComparison.Ordinal);
        Assert.Contains("resize", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Leaving_early_stops_the_background_work_and_reads_only_ahead()
    {
        var dataset = new FailingDataset();
        var loader = new BatchLoader(dataset, Preprocessing.Raw, new() { BatchSize = 10, Prefetch = 3 });
        foreach (var batch in loader.Epoch())
            if (batch.Indices[0] == 20) break;
        var loads = dataset.Loads;
        Assert.InRange(loads, 30, 1 + 3 * 10 + 3 * 10);
        Thread.Sleep(20);
        Assert.Equal(loads, dataset.Loads);
    }

    [Fact]
    public void Buffers_are_reused()
    {
        var loader = new BatchLoader(new FailingDataset(), Preprocessing.Raw, new() { BatchSize = 10, Prefetch = 3 });
        Assert.InRange(loader.Epoch().Select(b => b.Images).Distinct().Count(), 1, 4);
    }

    [Fact]
    public void Float_values_skip_the_preprocessing()
    {
        var values = Tensor.Create(new Shape(2, 1, 2, 2), new float[] { 1, 2, 3, 4, 5, 6, 7, 8 });
        var loader = new BatchLoader(NpzDataset.Create(values, Tensor.Vector<int>(0, 1), "x"), Preprocessing.ImageNet, new());
        Assert.Equal(new ImageShape(1, 2, 2), loader.Shape);
        Assert.Equal(values.Data, loader.Epoch().Single().ImagesInUse.ToArray());
    }

    [Fact]
    public void Small_images_load_much_faster_than_a_network_trains()
    {
        var dataset = new ProceduralDataset(count: 4000);
        for (var i = 0; i < dataset.Count; i++) dataset.Load(i); // drawn once, as after the first epoch
        var loader = new BatchLoader(dataset, Preprocessing.Cifar10, new() { BatchSize = 128, Shuffle = true, Augmentation = Augmentation.Cifar });
        foreach (var batch in loader.Epoch()) Assert.NotEqual(0, batch.Count);
        var watch = Stopwatch.StartNew();
        var images = 0;
        for (var epoch = 1; epoch <= 3; epoch++)
            foreach (var batch in loader.Epoch(epoch)) images += batch.Count;
        // Far below what an idle machine reaches, so that a busy one passes too.
        Assert.InRange(images / watch.Elapsed.TotalSeconds, 10_000, double.PositiveInfinity);
    }

    /// <summary>(index, label, values) of all samples of an epoch, in a form that compares by value.</summary>
    private static List<(int Index, int Label, uint Crc)> Run(ImageDataset dataset, BatchLoaderOptions options, int epoch)
    {
        var samples = new List<(int, int, uint)>();
        foreach (var batch in new BatchLoader(dataset, Preprocessing.Cifar10, options).Epoch(epoch))
            for (var i = 0; i < batch.Count; i++)
                samples.Add((batch.Indices[i], batch.Labels[i], Crc32.Of(System.Runtime.InteropServices.MemoryMarshal.AsBytes(batch.ImagesInUse.Slice(i * 3072, 3072)))));
        return samples;
    }

    /// <summary>100 images of 2 x 2; one may fail, one may be 4 wide; counts how often it is read.</summary>
    private sealed class FailingDataset(int failsAt = -1, int odd = -1) : ImageDataset
    {
        private int _loads;

        public int Loads => _loads;

        public override string Name => "failing";

        public override int Count => 100;

        public override IReadOnlyList<string> ClassNames => ["only"];

        public override ImageShape? Shape => null;

        public override Preprocessing DefaultPreprocessing => Preprocessing.Raw;

        public override int Label(int index) => 0;

        public override Sample Load(int index)
        {
            Interlocked.Increment(ref _loads);
            if (index == failsAt) throw new PithException($"sample {index} is broken");
            var width = index == odd ? 4 : 2;
            return new Sample(0, new Image(width, 2, 3, new byte[width * 2 * 3]));
        }
    }
}
