using System.Globalization;

namespace Pith.Benchmarking;

/// <summary>What a series of timings says, all in seconds. Keeps the timings, so that any percentile can be asked for. Immutable.</summary>
public sealed class LatencyStatistics
{
    private readonly double[] _sorted;

    private LatencyStatistics(double[] sorted)
    {
        _sorted = sorted;
        MeanSeconds = sorted.Average();
        var variance = sorted.Length == 1 ? 0 : sorted.Sum(x => (x - MeanSeconds) * (x - MeanSeconds)) / (sorted.Length - 1);
        CoefficientOfVariation = MeanSeconds > 0 ? Math.Sqrt(variance) / MeanSeconds : 0;
    }

    /// <summary>The number of timings.</summary>
    public int Count => _sorted.Length;

    /// <summary>The shortest.</summary>
    public double MinSeconds => _sorted[0];

    /// <summary>The mean.</summary>
    public double MeanSeconds { get; }

    /// <summary>The median.</summary>
    public double MedianSeconds => Percentile(50);

    /// <summary>Standard deviation (of the sample) over mean; 0 for a single timing.</summary>
    public double CoefficientOfVariation { get; }

    /// <summary>Summarises <paramref name="seconds"/>, which is not changed.</summary>
    /// <exception cref="ArgumentException">There are no timings.</exception>
    public static LatencyStatistics Of(ReadOnlySpan<double> seconds)
    {
        if (seconds.IsEmpty) throw new ArgumentException("At least one timing is needed.", nameof(seconds));
        var sorted = seconds.ToArray();
        Array.Sort(sorted);
        return new LatencyStatistics(sorted);
    }

    /// <summary>The time that <paramref name="percent"/>% of the timings do not exceed, interpolated linearly between neighbours in rank; 100 is the longest.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="percent"/> is not from 0 to 100.</exception>
    public double Percentile(double percent)
    {
        if (percent is not (>= 0 and <= 100)) throw new ArgumentOutOfRangeException(nameof(percent), percent, string.Create(CultureInfo.InvariantCulture, $"Expected 0 to 100, got {percent}."));
        var position = percent / 100 * (_sorted.Length - 1);
        var below = (int)position;
        var above = Math.Min(below + 1, _sorted.Length - 1);
        return _sorted[below] + (position - below) * (_sorted[above] - _sorted[below]);
    }
}
