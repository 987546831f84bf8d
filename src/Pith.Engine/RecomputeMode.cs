namespace Pith;

/// <summary>
/// Which activations training computes a second time when the backward pass needs them, instead of keeping them since the forward pass (Chen et al., "Training deep nets with sublinear memory cost", 2016). The results have the same bits.
/// </summary>
public enum RecomputeMode
{
    /// <summary>Everything that the backward pass reads is kept, except for the results of fake quantization, which cost little to compute again.</summary>
    None,

    /// <summary>Also results of batch norm, activations, pools and other ops without multiply-accumulates, from the results of convolutions and matrix products.</summary>
    Selective,

    /// <summary>Only tensors at the borders of a few segments of the network are kept: least memory, at the price of most of a forward pass.</summary>
    Full,
}
