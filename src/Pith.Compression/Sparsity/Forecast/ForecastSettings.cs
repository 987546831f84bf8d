using Pith.Benchmarking;

namespace Pith.Compression.Sparsity;

/// <summary>What a <see cref="SparsityForecast"/> measures.</summary>
public sealed record ForecastSettings
{
    /// <summary>The patterns to compare with dense weights, in any order. Empty: 2:4, and every V:2:4 that some kernel of this machine is made for.</summary>
    public IReadOnlyList<SparsityPattern> Patterns { get; init; } = [];

    /// <summary>Images per run.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Threads; 0 means one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>The speed-up that is wanted; null when none is.</summary>
    public double? TargetSpeedup { get; init; }

    /// <summary>How long each network is timed. <see cref="BenchmarkSettings.Batches"/> is not used.</summary>
    public BenchmarkSettings Benchmark { get; init; } = new() { Seconds = 2 };

    /// <summary>Timings of earlier builds; read and added to. Null for none.</summary>
    public TimingCache? TimingCache { get; init; }
}
