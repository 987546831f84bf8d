using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>What an inference-mode BatchNormalization after a convolution or Gemm will do to it when it is folded: weights of each output channel times a factor, and another bias.</summary>
/// <param name="Factors">One per output channel; may be negative or zero.</param>
/// <param name="Bias">One per output channel.</param>
internal sealed record BatchNormFold(IReadOnlyList<double> Factors, float[] Bias)
{
    /// <summary>
    /// The fold of the BatchNormalization that alone reads the result of <paramref name="layer"/>; null when there is nothing to fold, or a factor or bias is NaN, infinite or beyond a float: then batch norm stays an op of its own.
    /// </summary>
    public static BatchNormFold? After(Node layer)
    {
        if (layer.Op is not (Conv or ConvTranspose { Groups: 1 } or Gemm { Beta: 1 }) || layer.Output.SingleConsumer is not { Op: BatchNormalization op } norm) return null;
        if (ChannelAffine.OfBatchNorm(norm, op) is not { IsFinite: true } affine || layer.Input(2) is { Constant: not Tensor<float> }) return null;
        var bias = (layer.Input(2)?.Constant as Tensor<float>)?.Data;
        if (bias is not null && bias.Length != affine.Scale.Count) return null;
        float[] folded = [.. affine.Shift.Select((shift, k) => (float)((bias?[k] ?? 0) * affine.Scale[k] + shift))];
        return folded.All(float.IsFinite) ? new BatchNormFold(affine.Scale, folded) : null;
    }
}
