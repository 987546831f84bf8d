namespace Pith.Compression.Sparsity;

/// <summary>Which layers are pruned, and to which pattern; a name or type that matches no layer with weights is an error. Immutable, value-equal, JSON in snake_case.</summary>
public sealed record PruningSettings
{
    /// <summary>The pattern of all pruned layers: 2:4, or V:2:4, in which V consecutive output channels share one.</summary>
    public SparsityPattern Pattern { get; init; } = SparsityPattern.TwoOfFour;

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

    internal bool OrdersChannels => ChannelOrder == ChannelOrder.Search || ChannelOrder == ChannelOrder.Auto && Pattern.IsShared;

    /// <summary>The choice by names and types.</summary>
    internal LayerFilter Layers => new() { Include = Include, Exclude = Exclude, IncludeOpTypes = IncludeOpTypes, ExcludeOpTypes = ExcludeOpTypes };
}
