using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>What one unit of an INT8 layer's int32 accumulator stands for: <c>input scale * weight scale</c>, rounded once to float.</summary>
internal static class AccumulatorUnits
{
    /// <summary>The accumulator's unit (input scale times weight scale) for each element of the bias; null without a constant bias of one element per channel, or when data or weight is not quantized.</summary>
    public static float[]? Of(Node node)
    {
        if (node.Op is not (Conv or ConvTranspose or MatMul or Gemm { Alpha: 1, Beta: 1 }) || LayerBias.Constant(node) is not { } bias || node.Op is not MatMul && bias.Shape.Rank != 1) return null;
        if (ScalesOf(node.Inputs[0]) is not { Length: 1 } input || ScalesOf(node.Inputs[1]) is not { } weight || (weight.Length != 1 && weight.Length != bias.Length)) return null;
        var units = new float[bias.Length];
        for (var k = 0; k < units.Length; k++) units[k] = input[0] * weight[weight.Length == 1 ? 0 : k];
        return units;
    }

    /// <summary>The scales of a tensor that comes from a DequantizeLinear whose zero point may be anything; null for float tensors.</summary>
    private static float[]? ScalesOf(Value? value) =>
        value is { Producer: { Op: DequantizeLinear { BlockSize: 0 } } dequantize } && dequantize.Inputs[1]?.Constant is Tensor<float> scales ? scales.Data : null;
}
