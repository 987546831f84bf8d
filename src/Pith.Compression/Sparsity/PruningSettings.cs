namespace Pith.Compression.Sparsity;

/// <summary>Which layers are pruned, and to which pattern; a name or type that matches no layer with weights is an error. Immutable, value-equal, JSON in snake_case.</summary>
public sealed record PruningSettings
{
    /// <summary>The pattern of all pruned layers: 2:4, or V:2:4, in which V consecutive output channels share one; or auto, which chooses for each layer by its measured times.</summary>
    public PatternChoice Pattern { get; init; } = SparsityPattern.TwoOfFour;

    /// <summary>What decides which weights stay.</summary>
    public PruningMethod Method { get; init; }

    /// <summary>Of the magnitude method: whether the mean and variance of batch norm are measured again with the pruned weights, on calibration images, and kept where that makes the outputs better. The Hessian method always does so.</summary>
    public bool RemeasureNorm { get; init; }

    /// <summary>Whether calibration images are needed.</summary>
    internal bool ReadsImages => Method == PruningMethod.Hessian || RemeasureNorm;

    /// <summary>How many calibration images to use at most; large networks take fewer.</summary>
    public int Samples { get; init; } = CalibrationRun.DefaultSamples;

    /// <summary>Random seed that selects the calibration images.</summary>
    public int CalibrationSeed { get; init; } = 1;

    /// <summary>Of auto: how many times as fast as dense the INT8 network has to become, with the least magnitude lost. Null: <see cref="Keep"/> decides; without either it becomes nearly as fast as it can.</summary>
    public double? Speedup { get; init; }

    /// <summary>Of auto: the share of the magnitude of all layers together that has to be kept, 0 to 1; null for any.</summary>
    public double? Keep { get; init; }

    /// <summary>Of auto: images of a run for which times are measured.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Whether channels change places so that masks keep more magnitude.</summary>
    public ChannelOrder ChannelOrder { get; init; }

    /// <summary>Random seed of the search for an order of channels.</summary>
    public int ChannelSeed { get; init; } = 1;

    /// <summary>Which layers are eligible by their sizes.</summary>
    public SparsityRule Rule { get; init; } = SparsityRule.Pattern;

    /// <summary>Names to prune: exact, globs, or regular expressions between slashes. Empty together with <see cref="IncludeOpTypes"/>: all.</summary>
    public ValueList<NamePattern> Include { get; init; } = [];

    /// <summary>Names to leave dense; wins over <see cref="Include"/>.</summary>
    public ValueList<NamePattern> Exclude { get; init; } = [];

    /// <summary>ONNX op types to prune.</summary>
    public ValueList<string> IncludeOpTypes { get; init; } = [];

    /// <summary>ONNX op types to leave dense.</summary>
    public ValueList<string> ExcludeOpTypes { get; init; } = [];

    /// <exception cref="PithException">A field is out of range, or a target is given for one fixed pattern.</exception>
    public void Check()
    {
        const int MostImages = 4096;
        FieldRange.Require("batch", Batch, 1, MostImages);
        if (Speedup is { } speedup) FieldRange.Require("speedup", speedup, 1, 100);
        if (Keep is { } keep) FieldRange.Require("keep", keep, 0, 1);
        FieldRange.Require("samples", Samples, 1, 10_000_000);
        if (Pattern.Pattern is { } pattern && (Speedup is not null || Keep is not null)) throw new PithException($"'{(Speedup is null ? "keep" : "speedup")}' is a target for pattern auto, which chooses by it; the pattern is {pattern}.");
    }

    internal bool OrdersChannels(IEnumerable<LayerToPrune> layers) => ChannelOrder == ChannelOrder.Search || ChannelOrder == ChannelOrder.Auto && layers.Any(layer => layer.Pattern.IsShared);

    /// <summary>The choice by names and types.</summary>
    internal LayerFilter Layers => new() { Include = Include, Exclude = Exclude, IncludeOpTypes = IncludeOpTypes, ExcludeOpTypes = ExcludeOpTypes };
}
