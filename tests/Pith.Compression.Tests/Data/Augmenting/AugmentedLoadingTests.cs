using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

/// <summary>Loaders that augment: the same samples whatever the threads, the batches and the shares.</summary>
public sealed class AugmentedLoadingTests
{
    private static readonly Preprocessing s_preprocessing = Preprocessing.ImageNet with { ResizeShorterSide = 24, CenterCrop = new PixelSize(24, 20) };

    private static BatchLoaderOptions Options(string policy, int batch = 16) => new() { BatchSize = batch, Shuffle = true, Seed = 5, Augmentation = new Augmentation(0, true) { Policy = AugmentationPolicy.Parse(policy) } };

    [Theory]
    [InlineData("imagenet-strong,jitter=0.4/0.4/0.4/0.1")]
    [InlineData("cifar")]
    public void Samples_depend_on_seed_and_epoch_not_on_threads(string policy)
    {
        var dataset = new ProceduralDataset(count: 50);
        var reference = Pixels(dataset, Options(policy) with { Prefetch = 1 }, 2);
        Assert.Equal(reference, Pixels(dataset, Options(policy) with { Prefetch = 7 }, 2));
        Assert.NotEqual(reference, Pixels(dataset, Options(policy), 3));
        Assert.NotEqual(reference, Pixels(dataset, Options(policy) with { Seed = 6 }, 2));
        Assert.Equal(50 * 3 * 20 * 24, reference.Length);
    }

    [Fact]
    public void A_later_batch_is_the_same_when_an_epoch_starts_there()
    {
        var loader = new BatchLoader(new ProceduralDataset(count: 50), s_preprocessing, Options("imagenet-strong"));
        var whole = loader.Epoch(1).Select(batch => batch.ImagesInUse.ToArray()).ToArray();
        var rest = loader.Batches(1, 2, 4, new LoadingTimes()).Select(batch => batch.ImagesInUse.ToArray()).ToArray();
        Assert.Equal(2, rest.Length);
        Assert.Equal(whole[2], rest[0]);
        Assert.Equal(whole[3], rest[1]);
    }

    [Theory]
    [InlineData("mixup=1")]
    [InlineData("cutmix=1")]
    [InlineData("resized-crop,mixup=1,cutmix=1,erase=0.5")]
    public void Parts_of_a_mixed_batch_are_the_batch(string policy)
    {
        var dataset = new ProceduralDataset(count: 44); // the last batch of 16 has 12: a part of 4 ranks has none
        var options = Options(policy);
        var whole = new BatchLoader(dataset, s_preprocessing, options).Epoch(2).Select(Copy).ToArray();
        var parts = Enumerable.Range(0, 4).Select(rank => new BatchLoader(dataset, s_preprocessing, options with { Share = new BatchShare(rank, 4) }).Epoch(2).Select(Copy).ToArray()).ToArray();
        for (var b = 0; b < whole.Length; b++)
        {
            Assert.Equal(whole[b].Pixels, parts.SelectMany(part => part[b].Pixels));
            Assert.Equal(whole[b].Targets, parts.SelectMany(part => part[b].Targets));
        }
        Assert.Contains(whole.SelectMany(batch => batch.Targets), target => target is > 0 and < 1);

        (float[] Pixels, float[] Targets) Copy(Batch batch)
        {
            var targets = new float[batch.Count * dataset.ClassNames.Count];
            batch.WriteTargets(targets, dataset.ClassNames.Count);
            return (batch.ImagesInUse.ToArray(), targets);
        }
    }

    [Fact]
    public void Mixup_blends_each_sample_and_its_label_with_the_one_before_it()
    {
        var dataset = new ProceduralDataset(count: 6);
        var plain = new BatchLoader(dataset, s_preprocessing, Options("none", 6)).Epoch().Select(batch => (Pixels: batch.ImagesInUse.ToArray(), Labels: batch.LabelsInUse.ToArray())).Single();
        var mixed = new BatchLoader(dataset, s_preprocessing, Options("mixup=1", 6)).Epoch().Single();
        var share = mixed.OwnShare;
        Assert.InRange(share, 0.001f, 0.999f);
        var targets = new float[60];
        mixed.WriteTargets(targets, 10);
        var elements = mixed.Shape.Elements;
        for (var i = 0; i < 6; i++)
        {
            var partner = (i + 5) % 6;
            for (var at = 0; at < elements; at++) Assert.Equal(plain.Pixels[i * elements + at] * share + plain.Pixels[partner * elements + at] * (1 - share), mixed.ImagesInUse[i * elements + at]);
            var expected = new float[10];
            expected[plain.Labels[i]] += share;
            expected[plain.Labels[partner]] += 1 - share;
            Assert.Equal(expected, targets.AsSpan(i * 10, 10).ToArray());
        }
    }

    [Fact]
    public void Networks_that_take_bytes_get_whole_samples_from_mixup()
    {
        var loader = new BatchLoader(new ProceduralDataset(count: 8), s_preprocessing.KeepingSamples(), Options("mixup=1", 8));
        Assert.All(loader.Epoch().Single().ImagesInUse.ToArray(), sample => Assert.True(sample == MathF.Truncate(sample) && sample is >= 0 and <= 255, $"{sample}"));
    }

    [Fact]
    public void Images_of_any_size_become_the_size_of_the_network_and_grey_ones_its_channels()
    {
        Sample[] samples = [new(0, new Image(40, 30, 3, TestFiles.Noise(3600))), new(1, new Image(9, 70, 1, TestFiles.Noise(630)))];
        var loader = new BatchLoader(new SampleDataset(samples), Preprocessing.Mnist with { ResizeShorterSide = 20, CenterCrop = new PixelSize(20, 16) }, Options("imagenet-strong,jitter=0.4/0.4/0.4/0.1", 2));
        var batch = loader.Epoch().Single();
        Assert.Equal(new ImageShape(1, 16, 20), batch.Shape);
        Assert.All(batch.ImagesInUse.ToArray(), value => Assert.True(float.IsFinite(value)));
    }

    [Theory]
    [InlineData(448, 2)]
    [InlineData(1800, 8)]
    public void A_large_jpeg_is_decoded_smaller_and_still_shows_the_same(int side, int reduction)
    {
        // A smooth picture, whose parts look alike at every size.
        using var folder = new ScratchFolder();
        folder.Write("a/1.jpg", Jpeg(side));
        var dataset = DatasetCatalog.Open("imagefolder:" + folder.Path);
        var asked = 0;
        Assert.Equal((side + reduction - 1) / reduction, dataset.Load(0, (width, height) =>
        {
            asked++;
            Assert.Equal((side, side), (width, height));
            return reduction;
        }).Image!.Width);
        Assert.Equal(1, asked);
        // The whole image as the crop.
        var preprocessing = Preprocessing.ImageNet with { ResizeShorterSide = side / reduction, CenterCrop = side / reduction };
        var options = Options("resized-crop=1/1/1/1", 1) with { Augmentation = new Augmentation(0, false) { Policy = AugmentationPolicy.Parse("resized-crop=1/1/1/1") } };
        var reduced = new BatchLoader(dataset, preprocessing, options).Epoch().Single().ImagesInUse.ToArray();
        var exact = new BatchLoader(dataset, preprocessing, new BatchLoaderOptions { BatchSize = 1 }).Epoch().Single().ImagesInUse.ToArray();
        Assert.InRange(reduced.Zip(exact, (a, b) => Math.Abs(a - b)).Average(), 0, 0.05);
    }

    [Fact]
    public void Augmentations_of_images_refuse_tokens_and_values()
    {
        var tokens = new SampleDataset([Sample.OfTokens(0, new float[] { 1, 2 }), Sample.OfTokens(1, new float[] { 3, 4 })]);
        Assert.Contains("'augment': mixup=0.2 is for images", Assert.Throws<PithException>(() => new BatchLoader(tokens, Preprocessing.Raw, Options("mixup"))).Message, StringComparison.Ordinal);
        var values = new SampleDataset([new Sample(0, new float[4], new ImageShape(1, 2, 2))]);
        Assert.Contains("Only erase, mixup, cutmix can be applied", Assert.Throws<PithException>(() => new BatchLoader(values, Preprocessing.Raw, Options("jitter,mixup"))).Message, StringComparison.Ordinal);
        Assert.Equal(4, new BatchLoader(values, Preprocessing.Raw, Options("mixup,erase")).Epoch().Single().ImagesInUse.Length);
    }

    [Fact]
    public void Shuffling_is_over_the_whole_dataset_and_seeded()
    {
        int[] Order(int epoch, int seed) => [.. new BatchLoader(new ProceduralDataset(count: 2000), Preprocessing.Cifar10, new() { BatchSize = 100, Shuffle = true, Seed = seed }).Epoch(epoch).SelectMany(batch => batch.Indices[..batch.Count])];
        var order = Order(0, 1);
        Assert.Equal(Enumerable.Range(0, 2000), order.Order());
        Assert.Equal(order, Order(0, 1));
        Assert.NotEqual(order, Order(1, 1));
        Assert.NotEqual(order, Order(0, 2));
        // The first batch comes from everywhere, not from a buffer at the start.
        Assert.InRange(order.Take(100).Average(), 800, 1200);
        Assert.InRange(order.Zip(order.Skip(1), (a, b) => Math.Abs(a - b)).Average(), 500, 800);
    }

    private static float[] Pixels(ImageDataset dataset, BatchLoaderOptions options, int epoch) => [.. new BatchLoader(dataset, s_preprocessing, options).Epoch(epoch).SelectMany(batch => batch.ImagesInUse.ToArray())];

    private static byte[] Jpeg(int side)
    {
        using var image = new SixLabors.ImageSharp.Image<SixLabors.ImageSharp.PixelFormats.Rgb24>(side, side);
        for (var y = 0; y < side; y++)
            for (var x = 0; x < side; x++) image[x, y] = new((byte)(255 * x / side), (byte)(255 * y / side), (byte)(127 + 120 * Math.Sin(12.0 * (x + y) / side)));
        using var stream = new MemoryStream();
        SixLabors.ImageSharp.ImageExtensions.SaveAsJpeg(image, stream);
        return stream.ToArray();
    }
}
