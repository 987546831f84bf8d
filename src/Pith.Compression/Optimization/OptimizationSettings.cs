namespace Pith.Compression.Optimization;

/// <summary>What a joint search over precision and sparsity aims for; in JSON in snake_case, side by side with <see cref="QuantizationSettings"/> and <see cref="PostTrainingSettings"/>. Immutable, value-equal.</summary>
public sealed record OptimizationSettings
{
    private const double UsualDrop = 1;

    /// <summary>The most that <see cref="Metric"/> may lose, in percent (points of accuracy): the fastest network that holds it is the result. Null: 1 without <see cref="Speedup"/>, any with it.</summary>
    public double? MaxDrop { get; init; }

    /// <summary>What may not be lost.</summary>
    public SearchMetric Metric { get; init; }

    /// <summary>How many times as fast as the float network the result has to be; without <see cref="MaxDrop"/> the most accurate network that is. Null: as fast as the drop allows.</summary>
    public double? Speedup { get; init; }

    /// <summary>Images of a run that is timed.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>The drop that holds.</summary>
    internal double Allowed => MaxDrop ?? (Speedup is null ? UsualDrop : double.PositiveInfinity);

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range; the message names it as in JSON.</exception>
    public void Check()
    {
        const int MostImages = 4096;
        if (MaxDrop is { } drop) FieldRange.Require("max_drop", drop, 0, 100);
        if (Speedup is { } speedup) FieldRange.Require("speedup", speedup, 1, 100);
        FieldRange.Require("batch", Batch, 1, MostImages);
    }
}
