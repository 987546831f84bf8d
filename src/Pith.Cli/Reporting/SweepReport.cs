using Pith.Benchmarking;

namespace Pith.Cli.Reporting;

/// <summary>Two networks at one batch and size, timed in turn; or why they could not be.</summary>
internal sealed record SweepPoint
{
    /// <summary>Images per run.</summary>
    public required int Batch { get; init; }

    /// <summary>Columns of an image; 0 where the networks take no images.</summary>
    public required int Width { get; init; }

    /// <summary>Rows of an image.</summary>
    public required int Height { get; init; }

    /// <summary>Median milliseconds of a run of the dense network.</summary>
    public double DenseMs { get; init; }

    /// <summary>Median milliseconds of a run of the sparse network.</summary>
    public double SparseMs { get; init; }

    /// <summary>How many times as fast the sparse one is.</summary>
    public double Speedup { get; init; }

    /// <summary>A quarter of the rounds gave a smaller speed-up.</summary>
    public double LowerQuartile { get; init; }

    /// <summary>A quarter of the rounds gave a larger one.</summary>
    public double UpperQuartile { get; init; }

    /// <summary>Rounds in which both ran.</summary>
    public int Rounds { get; init; }

    /// <summary>Energy of the dense network; null when it was not asked for or the machine does not tell.</summary>
    public EnergyResult? DenseEnergy { get; init; }

    /// <summary>Energy of the sparse network.</summary>
    public EnergyResult? SparseEnergy { get; init; }

    /// <summary>Why there are no times; null when there are.</summary>
    public string? Failure { get; init; }

    /// <summary>The size as people write it; empty where the networks take no images.</summary>
    public string Size() => Width > 0 ? $"{Width}x{Height}" : "";
}

/// <summary>What <c>pith sweep</c> has measured so far.</summary>
internal sealed record SweepReport
{
    /// <summary>Says which files, settings, machine and version the times belong to: an interrupted sweep goes on only with the same.</summary>
    public required string Key { get; init; }

    /// <summary>The network that the other one is compared with, as the user named it.</summary>
    public required string Dense { get; init; }

    /// <summary>The network that is hoped to be faster.</summary>
    public required string Sparse { get; init; }

    /// <summary>Threads of a run.</summary>
    public required int Threads { get; init; }

    /// <summary>Seconds of timing for each network and point.</summary>
    public required double Seconds { get; init; }

    /// <summary>Where it was measured.</summary>
    public required string Machine { get; init; }

    /// <summary>How many points there will be.</summary>
    public required int Planned { get; init; }

    /// <summary>The points that are done, in the order of measurement.</summary>
    public required IReadOnlyList<SweepPoint> Points { get; init; }

    /// <summary>The points that have times.</summary>
    public IEnumerable<SweepPoint> Timed() => Points.Where(point => point.Failure is null);
}
