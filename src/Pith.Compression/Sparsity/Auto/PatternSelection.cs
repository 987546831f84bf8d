namespace Pith.Compression.Sparsity;

/// <summary>A weight for which a pattern was chosen.</summary>
/// <param name="Layers">The layers that use it: one, unless they share it.</param>
/// <param name="Chosen">Its pattern, or <c>dense</c>.</param>
/// <param name="Options">Its time and what it keeps, dense and with every pattern that was measured to gain something.</param>
public sealed record SelectedWeight(ValueList<string> Layers, string Chosen, ValueList<PatternOption> Options)
{
    /// <summary>Its time with dense weights.</summary>
    public double DenseMicroseconds => Options[0].Microseconds;

    /// <summary>Its time as chosen.</summary>
    public double Microseconds => Options.First(option => option.Pattern == Chosen).Microseconds;
}

/// <summary>What <c>--pattern auto</c> measured and chose; the metadata of the pruned graph hold it as JSON.</summary>
public sealed record PatternSelection
{
    /// <summary>The metadata key.</summary>
    public const string MetadataKey = "pith.sparsity24.auto";

    /// <summary>The machine that times were measured on.</summary>
    public required string Machine { get; init; }

    /// <summary>Images of a run.</summary>
    public required int Batch { get; init; }

    /// <summary>Threads of a run.</summary>
    public required int Threads { get; init; }

    /// <summary>The speed-up that was asked for; null for none.</summary>
    public double? TargetSpeedup { get; init; }

    /// <summary>The share of the magnitude that had to be kept; null for any.</summary>
    public double? TargetKept { get; init; }

    /// <summary>Microseconds of all layers of the dense INT8 network.</summary>
    public required double DenseMicroseconds { get; init; }

    /// <summary>How many times as fast the sum of the layers' times says that the network is.</summary>
    public required double PredictedSpeedup { get; init; }

    /// <summary>How many times as fast a network with these patterns was, timed in turn with the dense one.</summary>
    public required double MeasuredSpeedup { get; init; }

    /// <summary>The share of the sum of |w| that the choice keeps, over all weights that could be pruned, before channels change places.</summary>
    public required double KeptMagnitude { get; init; }

    /// <summary>Whether the targets are met.</summary>
    public required bool IsReached { get; init; }

    /// <summary>What was reached, in a sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>The weights that could be pruned, in execution order.</summary>
    public required ValueList<SelectedWeight> Weights { get; init; }

    /// <summary>The weight of a layer; null when it could not be pruned.</summary>
    public SelectedWeight? Find(string layer) => Weights.FirstOrDefault(weight => weight.Layers.Contains(layer));
}
