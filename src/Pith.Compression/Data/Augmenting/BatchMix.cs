namespace Pith.Compression.Data;

/// <summary>How the samples of a batch are mixed, each with its partner, which is the one before it in the batch (the last one, for the first). The batch is shuffled, so partners are random.</summary>
/// <param name="OwnShare">The share of a sample in its mixture and in its label, 0 to 1; the partner has the rest.</param>
/// <param name="Window">The part that is taken from the partner; null: all pixels are blended by <paramref name="OwnShare"/>.</param>
internal readonly record struct BatchMix(float OwnShare, CropWindow? Window)
{
    /// <summary>Mixes a sample [C, H, W] with its partner, in place.</summary>
    public void Apply(Span<float> own, ReadOnlySpan<float> partner, ImageShape shape)
    {
        if (Window is not { } window)
        {
            for (var i = 0; i < own.Length; i++) own[i] = own[i] * OwnShare + partner[i] * (1 - OwnShare);
            return;
        }
        for (var channel = 0; channel < shape.Channels; channel++)
            for (var y = window.Top; y < window.Top + window.Height; y++)
            {
                var row = (channel * shape.Height + y) * shape.Width + window.Left;
                partner.Slice(row, window.Width).CopyTo(own.Slice(row, window.Width));
            }
    }
}

/// <summary>Random numbers of the symmetric beta distribution.</summary>
internal static class BetaDistribution
{
    /// <summary>A number of Beta(<paramref name="alpha"/>, alpha): X / (X + Y) of two gamma variables, whose logarithms are used because small alphas leave the range of doubles.</summary>
    public static double Draw(double alpha, ref SeededRandom random)
    {
        var (x, y) = (LogGamma(alpha, ref random), LogGamma(alpha, ref random));
        return 1 / (1 + Math.Exp(y - x));
    }

    /// <summary>The logarithm of a number of Gamma(shape, 1) (Marsaglia and Tsang, "A simple method for generating gamma variables", 2000, with its section 6 for shapes below 1).</summary>
    private static double LogGamma(double shape, ref SeededRandom random)
    {
        if (shape < 1) return LogGamma(shape + 1, ref random) + Math.Log(1 - random.NextDouble()) / shape;
        var d = shape - 1.0 / 3;
        while (true)
        {
            // Box and Muller's normal numbers.
            var x = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            var v = Math.Pow(1 + x / Math.Sqrt(9 * d), 3);
            if (v > 0 && Math.Log(1 - random.NextDouble()) < 0.5 * x * x + d - d * v + d * Math.Log(v)) return Math.Log(d * v);
        }
    }
}
