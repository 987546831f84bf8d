namespace Pith.Compression.Recipes;

/// <summary>A model of a recipe run.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Step">The kind of step that made it.</param>
/// <param name="From">The stage that it was made from; null for the start.</param>
/// <param name="Graph">The model.</param>
/// <param name="File">Its file.</param>
internal sealed record Stage(string Name, string Step, string? From, Graph Graph, string File)
{
    /// <summary>SHA-256 of the file.</summary>
    public required string FileHash { get; init; }

    /// <summary>Whether it is evaluated, timed and reported.</summary>
    public required bool IsReported { get; init; }

    public TrainingSummary? Training { get; init; }

    public double Seconds { get; init; }

    public bool WasKept { get; init; }
}
