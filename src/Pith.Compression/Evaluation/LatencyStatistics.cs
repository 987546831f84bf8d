namespace Pith.Compression;

/// <summary>What a series of timings says, all in seconds. Percentiles interpolate linearly between neighbours in rank.</summary>
/// <param name="Count">The number of timings.</param>
/// <param name="MinSeconds">The shortest.</param>
/// <param name="MeanSeconds">The mean.</param>
/// <param name="MedianSeconds">The median.</param>
/// <param name="P90Seconds">90% are not longer.</param>
/// <param name="P95Seconds">95% are not longer.</param>
/// <param name="P99Seconds">99% are not longer.</param>
/// <param name="CoefficientOfVariation">Standard deviation (of the sample) over mean; 0 for a single timing.</param>
public sealed record LatencyStatistics(int Count, double MinSeconds, double MeanSeconds, double MedianSeconds, double P90Seconds, double P95Seconds, double P99Seconds, double CoefficientOfVariation)
{
    /// <summary>Summarises <paramref name="seconds"/>, which is not changed.</summary>
    /// <exception cref="ArgumentException">There are no timings.</exception>
    public static LatencyStatistics Of(ReadOnlySpan<double> seconds)
    {
        if (seconds.IsEmpty) throw new ArgumentException("At least one timing is needed.", nameof(seconds));
        var sorted = seconds.ToArray();
        Array.Sort(sorted);
        var mean = sorted.Average();
        var variance = sorted.Length == 1 ? 0 : sorted.Sum(x => (x - mean) * (x - mean)) / (sorted.Length - 1);
        return new(sorted.Length, sorted[0], mean, Quantile(sorted, 0.5), Quantile(sorted, 0.9), Quantile(sorted, 0.95), Quantile(sorted, 0.99), mean > 0 ? Math.Sqrt(variance) / mean : 0);
    }

    private static double Quantile(double[] sorted, double share)
    {
        var position = share * (sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (position - below) * (sorted[above] - sorted[below]);
    }
}
