namespace Pith.Compression.Recipes;

/// <summary>What a step made.</summary>
/// <param name="Graph">The new model.</param>
public sealed record StepOutcome(Graph Graph)
{
    /// <summary>How training went; null when the step does not train.</summary>
    public TrainingSummary? Training { get; init; }

    /// <summary>Every layer with weights: pruned, or why not; empty when the step does not prune.</summary>
    public IReadOnlyList<LayerSparsity> Sparsity { get; init; } = [];

    /// <summary>The share of the sum of |w| over all pruned weights that is left, 0 to 1; 1 when the step does not prune.</summary>
    public double KeptMagnitude { get; init; } = 1;

    /// <summary>What pattern auto measured and chose; null when the step does not choose.</summary>
    public PatternSelection? Selection { get; init; }

    /// <summary>Every layer that can be quantized: how, or why not; empty when the step does not quantize.</summary>
    public IReadOnlyList<LayerQuantization> Quantization { get; init; } = [];

    /// <summary>What post-training quantization did for accuracy, stage by stage; empty when nothing was measured.</summary>
    public IReadOnlyList<AccuracyStage> Accuracy { get; init; } = [];

    /// <summary>What reconstruction did to each layer; empty when there was none.</summary>
    public IReadOnlyList<ReconstructedLayer> Reconstruction { get; init; } = [];

    /// <summary>What the search for layers to keep in float has found; null when there was none.</summary>
    public SearchResult? Search { get; init; }

    /// <summary>What the joint search over precision and sparsity has found; null when there was none.</summary>
    public OptimizationResult? Optimization { get; init; }

    /// <summary>What was asked for and not reached, in words, although a model was made; null when nothing.</summary>
    public string? Unreached => Search is { IsReached: false } search ? search.Verdict : Optimization is { IsReached: false } optimization ? optimization.Verdict : null;

    /// <summary>What the calibration lint noticed.</summary>
    public IReadOnlyList<CalibrationFinding> Findings { get; init; } = [];

    /// <summary>The scales, for tools that read TensorRT's calibration cache; null when the step does not calibrate or the scales do not fit that format.</summary>
    public CalibrationCache? Cache { get; init; }
}
