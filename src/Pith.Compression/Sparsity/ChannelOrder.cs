namespace Pith.Compression.Sparsity;

/// <summary>Whether pruning may put the channels of a network in another order. The network computes the same in every order, except for the rounding of sums; values inside it have their channels in other places than before.</summary>
public enum ChannelOrder
{
    /// <summary>Looked for where output channels share a pattern (V:2:4); kept for 2:4.</summary>
    Auto,

    /// <summary>The order in the file.</summary>
    Keep,

    /// <summary>Looked for.</summary>
    Search,
}
