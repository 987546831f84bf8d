namespace Pith.Compression;

/// <summary>Which layers are pruned to 2:4. Immutable, value-equal.</summary>
public sealed record PruneOptions
{
    /// <summary>What makes a layer eligible.</summary>
    public SparsityRule Rule { get; init; } = SparsityRule.Pattern;

    /// <summary>Which of the eligible layers to prune; the default takes all. A pattern that matches no layer with weights is an error.</summary>
    public LayerFilter Layers { get; init; } = new();
}
