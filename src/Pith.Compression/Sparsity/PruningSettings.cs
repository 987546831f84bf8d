namespace Pith.Compression.Sparsity;

/// <summary>Which layers are pruned to 2:4; a name or type that matches no layer with weights is an error. Immutable, value-equal, JSON in snake_case.</summary>
public sealed record PruningSettings
{
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

    /// <summary>The choice by names and types.</summary>
    internal LayerFilter Layers => new() { Include = Include, Exclude = Exclude, IncludeOpTypes = IncludeOpTypes, ExcludeOpTypes = ExcludeOpTypes };
}
