namespace Pith.Compression.Sparsity;

/// <summary>What pruning did to a layer with weights.</summary>
public sealed record LayerSparsity
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The ONNX op type.</summary>
    public required string OpType { get; init; }

    /// <summary>The name of the weight constant.</summary>
    public required string Weight { get; init; }

    /// <summary>The weight's sizes.</summary>
    public required Shape Shape { get; init; }

    /// <summary>By which rules the layer is eligible, and why not by the others.</summary>
    public required SparsityEligibility Eligibility { get; init; }

    /// <summary>Why the layer stays dense, for people; null when it was pruned.</summary>
    public required string? SkipReason { get; init; }

    /// <summary>The pattern that it was pruned to; null when it stays dense.</summary>
    public SparsityPattern? Pattern { get; init; }

    /// <summary>The share of the sum of |w| that is left, 0 to 1; 1 for dense layers.</summary>
    public required double KeptMagnitude { get; init; }

    /// <summary>How many output channels the last group has that shares a pattern, when the channels (of a convolution group) are not a multiple of V; else null.</summary>
    public int? SmallerGroup { get; init; }

    /// <summary>Why the output channels keep the order that they have in the file, when an order was looked for; else null.</summary>
    public string? WhyInOrder { get; init; }
}

/// <summary>The result of pruning a graph.</summary>
/// <param name="Masks">The masks by the name of the weight constant; state that fine-tuning and QAT keep to.</param>
/// <param name="Layers">Every layer with weights, in execution order.</param>
public sealed record PruneResult(IReadOnlyDictionary<string, Mask24> Masks, IReadOnlyList<LayerSparsity> Layers)
{
    /// <summary>The share of the sum of |w| over all pruned weights that is left, 0 to 1; 1 when nothing was pruned.</summary>
    public double KeptMagnitude { get; init; } = 1;

    /// <summary>What pattern auto measured and chose; null for one fixed pattern.</summary>
    public PatternSelection? Selection { get; init; }
}
