using Pith.Kernels;

namespace Pith.Benchmarking;

/// <summary>The tactics of one layer, timed.</summary>
/// <param name="Spec">The layer.</param>
/// <param name="Features">What kernels may use.</param>
/// <param name="Threads">Threads of a run.</param>
/// <param name="Macs">Multiply-accumulates of a run.</param>
/// <param name="PeakMacsPerSecond">The most that the machine does at the layer's precision with these threads.</param>
/// <param name="Tactics">Every tactic of this kind of layer, in catalog order.</param>
public sealed record LayerBenchmarkResult(LayerSpec Spec, CpuFeatures Features, int Threads, long Macs, double PeakMacsPerSecond, IReadOnlyList<TacticTiming> Tactics);

/// <summary>One tactic: its times in milliseconds, or why it cannot run the layer.</summary>
/// <param name="Tactic">The tactic's name.</param>
/// <param name="Refused">Why it was not timed; null when it was, and then all others have values.</param>
public sealed record TacticTiming(string Tactic, string? Refused)
{
    /// <summary>Half of the runs are not longer.</summary>
    public double? MedianMs { get; init; }

    /// <summary>The fastest run.</summary>
    public double? MinMs { get; init; }

    /// <summary>Standard deviation over mean.</summary>
    public double? CoefficientOfVariation { get; init; }

    /// <summary>Runs that were timed.</summary>
    public int? Runs { get; init; }

    /// <summary>By the median.</summary>
    public double? MacsPerSecond { get; init; }

    /// <summary>The share of what the machine does at the tactic's precision, 0 to 1.</summary>
    public double? PeakShare { get; init; }

    internal static TacticTiming Of(string tactic, LatencyStatistics latency, long macs, double peak) => new(tactic, null)
    {
        MedianMs = 1e3 * latency.MedianSeconds,
        MinMs = 1e3 * latency.MinSeconds,
        CoefficientOfVariation = latency.CoefficientOfVariation,
        Runs = latency.Count,
        MacsPerSecond = macs / latency.MedianSeconds,
        PeakShare = macs / latency.MedianSeconds / peak,
    };
}
