namespace Pith.Benchmarking;

/// <summary>How many times faster one target is than another that was timed in turn with it: the other's time over its own. Above 1 it is faster.</summary>
/// <param name="Median">The ratio of the medians.</param>
/// <param name="Minimum">The ratio of the shortest times, which a disturbance by other programs hardly reaches.</param>
/// <param name="LowerQuartile">A quarter of the rounds gave a smaller ratio (of the medians of the round).</param>
/// <param name="UpperQuartile">A quarter of the rounds gave a larger ratio.</param>
/// <param name="Rounds">The rounds in which both ran.</param>
public sealed record SpeedRatio(double Median, double Minimum, double LowerQuartile, double UpperQuartile, int Rounds)
{
    /// <summary>Compares the results of one call of <see cref="Benchmark"/>.</summary>
    public static SpeedRatio Of(BenchmarkResult result, BenchmarkResult other)
    {
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(other);
        var rounds = MediansByBlock(result).Join(MediansByBlock(other), own => own.Block, theirs => theirs.Block, (own, theirs) => theirs.Seconds / own.Seconds).ToArray();
        var spread = LatencyStatistics.Of(rounds);
        return new SpeedRatio(other.Latency.MedianSeconds / result.Latency.MedianSeconds, other.Latency.MinSeconds / result.Latency.MinSeconds, spread.Percentile(25), spread.Percentile(75), rounds.Length);
    }

    private static IEnumerable<(int Block, double Seconds)> MediansByBlock(BenchmarkResult result) =>
        result.Samples.GroupBy(sample => sample.Block).Select(block => (block.Key, LatencyStatistics.Of([.. block.Select(sample => sample.Seconds)]).MedianSeconds));
}
