using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class ProceduralDatasetTests
{
    [Fact]
    public void The_images_of_a_seed_never_change()
    {
        // Any change of these numbers changes every result obtained on this dataset.
        var dataset = new ProceduralDataset(seed: 1, count: 100);
        var crcs = Enumerable.Range(0, 100).SelectMany(i => BitConverter.GetBytes(Crc32.Of(dataset.Load(i).Image!.Pixels.Span))).ToArray();
        Assert.Equal(0x5F5265F8u, Crc32.Of(crcs));
    }

    [Fact]
    public void An_image_depends_on_seed_and_index_only()
    {
        var forwards = new ProceduralDataset(seed: 3, count: 200);
        var backwards = new ProceduralDataset(seed: 3, count: 1000);
        var threaded = new ProceduralDataset(seed: 3, count: 200);
        Parallel.For(0, 800, i => threaded.Load(i % 200));
        for (var i = 199; i >= 0; i--) backwards.Load(i);
        for (var i = 0; i < 200; i++)
        {
            var sample = forwards.Load(i);
            Assert.Equal(sample.Label, backwards.Label(i));
            Assert.True(sample.Image!.Pixels.Span.SequenceEqual(backwards.Load(i).Image!.Pixels.Span), $"image {i}");
            Assert.True(sample.Image!.Pixels.Span.SequenceEqual(threaded.Load(i).Image!.Pixels.Span), $"image {i}");
        }
        Assert.NotEqual(new ProceduralDataset(seed: 4, count: 200).Load(0).Image!.Pixels.ToArray(), forwards.Load(0).Image!.Pixels.ToArray());
    }

    [Fact]
    public void Classes_are_balanced_also_in_every_fifth_image()
    {
        var dataset = new ProceduralDataset(count: 10_000);
        foreach (var step in new[] { 1, 5 })
        {
            var counts = new int[10];
            for (var i = 0; i < dataset.Count; i += step) counts[dataset.Label(i)]++;
            Assert.All(counts, c => Assert.InRange(c, 800 / step, 1200 / step));
        }
        Assert.Equal(["warm disc", "cool disc", "warm ring", "cool ring"], dataset.ClassNames.Take(4));
    }

    [Fact]
    public void Colour_alone_does_not_tell_the_class()
    {
        // A classifier by mean colour (nearest class mean) must do little better than guessing one in ten.
        var dataset = new ProceduralDataset(count: 3000);
        var colours = Enumerable.Range(0, dataset.Count).Select(i => MeanColour(dataset.Load(i).Image!)).ToArray();
        var means = Enumerable.Range(0, 10).Select(label => Average(colours.Where((_, i) => i < 2000 && dataset.Label(i) == label))).ToArray();
        var correct = Enumerable.Range(2000, 1000).Count(i => Nearest(means, colours[i]) == dataset.Label(i));
        Assert.InRange(correct / 1000.0, 0, 0.30);
    }

    [Fact]
    public void Distances_are_negative_inside_and_positive_outside()
    {
        foreach (var shape in Enum.GetValues<ProceduralShape>())
        {
            Assert.Equal(shape == ProceduralShape.Ring, shape.Distance(0.5f, 0, 0) > 0); // the ring's hole
            Assert.True(shape.Distance(0.5f, 1.5f, 1.5f) > 0, $"{shape}");
        }
        for (var tip = 0; tip < 5; tip++)
        {
            var (sin, cos) = MathF.SinCos(tip * 2 * MathF.PI / 5);
            Assert.True(ProceduralShape.Star.Distance(0, 0.95f * cos, 0.95f * sin) < 0, $"tip {tip}");
            var (valleySin, valleyCos) = MathF.SinCos((tip + 0.5f) * 2 * MathF.PI / 5);
            Assert.Equal(0, ProceduralShape.Star.Distance(0, 0.45f * valleyCos, 0.45f * valleySin), 0.01f);
            Assert.True(ProceduralShape.Star.Distance(0, 0.6f * valleyCos, 0.6f * valleySin) > 0, $"valley {tip}");
        }
    }

    private static double[] MeanColour(Image image)
    {
        var sums = new double[3];
        for (var i = 0; i < image.Pixels.Length; i++) sums[i % 3] += image.Pixels.Span[i];
        return sums;
    }

    private static double[] Average(IEnumerable<double[]> vectors)
    {
        var all = vectors.ToArray();
        return [.. Enumerable.Range(0, 3).Select(c => all.Average(v => v[c]))];
    }

    private static int Nearest(double[][] means, double[] colour) =>
        Enumerable.Range(0, means.Length).MinBy(m => means[m].Zip(colour, (a, b) => (a - b) * (a - b)).Sum());
}
