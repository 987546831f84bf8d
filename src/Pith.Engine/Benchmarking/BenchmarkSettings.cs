namespace Pith.Benchmarking;

/// <summary>How long and at which batch sizes engines are timed.</summary>
public sealed record BenchmarkSettings
{
    /// <summary>Batch sizes, each timed on its own.</summary>
    public ValueList<int> Batches { get; init; } = [1, 32];

    /// <summary>Seconds of timing for each engine and batch size; at least <see cref="MinRuns"/> runs in any case.</summary>
    public double Seconds { get; init; } = 3;

    /// <summary>Seconds of running before timing begins.</summary>
    public double WarmUpSeconds { get; init; } = 0.2;

    /// <summary>The fewest runs that are timed.</summary>
    public int MinRuns { get; init; } = 10;

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range.</exception>
    public void Check()
    {
        if (Batches.Count is < 1 or > 16) throw new PithException($"'batches': expected 1 to 16 batch sizes, got {Batches.Count}.");
        foreach (var batch in Batches) FieldRange.Require("batches", batch, 1, 65_536);
        FieldRange.Require("seconds", Seconds, 0, 3600);
        FieldRange.Require("warm_up_seconds", WarmUpSeconds, 0, 60);
        FieldRange.Require("min_runs", MinRuns, 1, 1_000_000);
    }
}
