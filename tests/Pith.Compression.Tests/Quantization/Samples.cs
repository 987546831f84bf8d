namespace Pith.Compression.Tests;

/// <summary>Seeded arrays that look like activations.</summary>
internal static class Samples
{
    public static float[] Gaussian(int seed, int count, double sigma = 1)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)(sigma * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return values;
    }

    public static float[] Relu(int seed, int count, double sigma = 1) => Array.ConvertAll(Gaussian(seed, count, sigma), x => Math.Max(x, 0));

    /// <summary>Magnitudes over many powers of two, signs and zeros mixed.</summary>
    public static float[] Wild(int seed, int count)
    {
        var random = new Random(seed);
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = random.Next(4) == 0 ? 0 : (float)Math.ScaleB(random.NextDouble() * 2 - 1, random.Next(-140, 120));
        return values;
    }

    public static Histogram HistogramOf(params ReadOnlySpan<float> values)
    {
        var histogram = new Histogram("x");
        histogram.Add(values);
        return histogram;
    }
}
