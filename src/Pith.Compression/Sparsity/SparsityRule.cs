namespace Pith.Compression.Sparsity;

/// <summary>Which layers are pruned to 2:4.</summary>
public enum SparsityRule
{
    /// <summary>Where the pattern fits: the reduction (input channels per group) is a multiple of 4.</summary>
    Pattern,

    /// <summary>Where sparse tensor cores take it, as apex ASP decides: output channels a multiple of 8 and the reduction a multiple of 16.</summary>
    Asp,
}
