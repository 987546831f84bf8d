using System.Text.Json.Serialization;

namespace Pith.Benchmarking;

/// <summary>Timings of one target. In JSON milliseconds per query of the whole batch: <c>median_ms</c>, <c>min_ms</c>, <c>p90_ms</c>, <c>p99_ms</c>, <c>images_per_second</c> …</summary>
public sealed record BenchmarkResult
{
    /// <summary>Summarises the samples of a target.</summary>
    /// <param name="batch">Images of one query.</param>
    /// <param name="streams">Streams that ran side by side.</param>
    /// <param name="samples">At least one.</param>
    public BenchmarkResult(int batch, int streams, IReadOnlyList<BenchmarkSample> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        Batch = batch;
        Streams = streams;
        Samples = samples;
        Latency = LatencyStatistics.Of([.. samples.Select(sample => sample.Seconds)]);
        // Each stream has a rate of its own; waiting for the others and for another target's turn is not part of it.
        ImagesPerSecond = samples.GroupBy(sample => sample.Stream).Sum(stream => batch / stream.Average(sample => sample.Seconds));
    }

    /// <summary>Images of one query.</summary>
    public int Batch { get; }

    /// <summary>Streams that answered queries at the same time.</summary>
    public int Streams { get; }

    /// <summary>The timings, stream after stream within a block.</summary>
    [JsonIgnore]
    public IReadOnlyList<BenchmarkSample> Samples { get; }

    /// <summary>What the timings of all streams say together.</summary>
    [JsonIgnore]
    public LatencyStatistics Latency { get; }

    /// <summary>Runs that were timed.</summary>
    public int Runs => Latency.Count;

    /// <summary>The fastest run.</summary>
    public double MinMs => 1e3 * Latency.MinSeconds;

    /// <summary>The average.</summary>
    public double MeanMs => 1e3 * Latency.MeanSeconds;

    /// <summary>Half of the runs are not longer.</summary>
    public double MedianMs => 1e3 * Latency.MedianSeconds;

    /// <summary>90% of the runs are not longer.</summary>
    public double P90Ms => 1e3 * Latency.Percentile(90);

    /// <summary>95% of the runs are not longer.</summary>
    public double P95Ms => 1e3 * Latency.Percentile(95);

    /// <summary>99% of the runs are not longer.</summary>
    public double P99Ms => 1e3 * Latency.Percentile(99);

    /// <summary>Standard deviation over mean.</summary>
    public double CoefficientOfVariation => Latency.CoefficientOfVariation;

    /// <summary>Images of all streams in a second.</summary>
    public double ImagesPerSecond { get; }
}
