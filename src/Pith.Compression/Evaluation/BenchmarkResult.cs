using System.Text.Json.Serialization;

namespace Pith.Compression;

/// <summary>Timings of repeated runs of one engine at one batch size. In JSON milliseconds per run of the whole batch: <c>median_ms</c>, <c>min_ms</c>, <c>p90_ms</c>, <c>p99_ms</c>, <c>images_per_second</c> …</summary>
/// <param name="Batch">Images of one run.</param>
/// <param name="Latency">The timings.</param>
public sealed record BenchmarkResult(int Batch, [property: JsonIgnore] LatencyStatistics Latency)
{
    /// <summary>Runs that were timed.</summary>
    public int Runs => Latency.Count;

    /// <summary>The fastest run.</summary>
    public double MinMs => 1e3 * Latency.MinSeconds;

    /// <summary>The average.</summary>
    public double MeanMs => 1e3 * Latency.MeanSeconds;

    /// <summary>Half of the runs are not longer.</summary>
    public double MedianMs => 1e3 * Latency.MedianSeconds;

    /// <summary>90% of the runs are not longer.</summary>
    public double P90Ms => 1e3 * Latency.P90Seconds;

    /// <summary>95% of the runs are not longer.</summary>
    public double P95Ms => 1e3 * Latency.P95Seconds;

    /// <summary>99% of the runs are not longer.</summary>
    public double P99Ms => 1e3 * Latency.P99Seconds;

    /// <summary>Standard deviation over mean.</summary>
    public double CoefficientOfVariation => Latency.CoefficientOfVariation;

    /// <summary>Queries per second times images of a query.</summary>
    public double ImagesPerSecond => Batch / Latency.MeanSeconds;
}
