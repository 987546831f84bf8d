namespace Pith.Compression.Tests;

/// <summary>The definitions of the mse and entropy calibrators written as plain loops over every bin of every candidate.</summary>
internal static class ReferenceCalibration
{
    /// <summary>For each candidate edge: sum of count * (Q(c) - c)^2, in units of the squared bin width.</summary>
    public static Dictionary<int, double> MseErrors(ReadOnlySpan<long> counts, int last, int levels)
    {
        var errors = new Dictionary<int, double>();
        for (var edge = Math.Min(levels + 1, last); edge <= last; edge++)
        {
            var scale = (double)edge / levels;
            var error = 0.0;
            for (var bin = 0; bin < counts.Length; bin++)
            {
                var centre = bin + 0.5;
                var quantized = Math.Min(Math.Round(centre / scale, MidpointRounding.ToEven), levels) * scale;
                error += counts[bin] * (quantized - centre) * (quantized - centre);
            }
            errors[edge] = error;
        }
        return errors;
    }

    /// <summary>For each candidate i: KL(reference || candidate), infinite where the candidate is zero and the reference is not.</summary>
    public static Dictionary<int, double> Divergences(ReadOnlySpan<long> counts, int last, int levels)
    {
        var bins = counts.ToArray();
        bins[0] = bins[1];
        var divergences = new Dictionary<int, double>();
        for (var i = Math.Min(levels, last); i <= last; i++)
        {
            var reference = Array.ConvertAll(bins[..i], count => (double)count);
            reference[^1] += bins[i..].Sum();
            divergences[i] = Divergence(Normalized(reference), Normalized(Coarsened(bins[..i], levels)));
        }
        return divergences;
    }

    private static double[] Coarsened(long[] bins, int levels)
    {
        var (sums, occupied) = (new double[levels], new int[levels]);
        for (var bin = 0; bin < bins.Length; bin++)
        {
            if (bins[bin] == 0) continue;
            sums[bin * levels / bins.Length] += bins[bin];
            occupied[bin * levels / bins.Length]++;
        }
        return bins.Select((count, bin) => count == 0 ? 0 : sums[bin * levels / bins.Length] / occupied[bin * levels / bins.Length]).ToArray();
    }

    private static double[] Normalized(double[] values)
    {
        var sum = values.Sum();
        return Array.ConvertAll(values, x => x / sum);
    }

    private static double Divergence(double[] p, double[] q) =>
        p.Zip(q, (a, b) => a == 0 ? 0 : b > 0 ? a * Math.Log(a / b) : double.PositiveInfinity).Sum();
}
