using System.Diagnostics.CodeAnalysis;
using Pith.Ops;

namespace Pith.Building;

/// <summary>Recognises QuantizeLinear and DequantizeLinear with constant parameters.</summary>
internal static class QdqPatterns
{
    /// <summary>The quantization of a per-tensor QuantizeLinear to 8 bits whose scale is <see cref="Quantization.IsExact(float)"/>, else null.</summary>
    public static Quantization? OfQuantize(Node node) =>
        node.Op is QuantizeLinear { BlockSize: 0 } && node.Input(0)!.Type.DataType == DataType.Float32 ? PerTensor(node, node.Output.Type.DataType) : null;

    /// <summary>The quantization of a per-tensor DequantizeLinear from 8 bits to float whose scale is <see cref="Quantization.IsExact(float)"/>, else null.</summary>
    public static Quantization? OfDequantize(Node node) =>
        node.Op is DequantizeLinear { BlockSize: 0 } && node.Output.Type.DataType == DataType.Float32 ? PerTensor(node, node.Input(0)!.Type.DataType) : null;

    /// <summary>True when <paramref name="value"/> is a dequantized 8-bit tensor with one scale.</summary>
    public static bool IsDequantized(Value value, [NotNullWhen(true)] out Value? quantized, out Quantization quantization)
    {
        (quantized, quantization) = (null, default);
        if (value.Producer is not { } node || OfDequantize(node) is not { } found) return false;
        (quantized, quantization) = (node.Input(0)!, found);
        return true;
    }

    /// <summary>The tensor of a value that is constant, or is computed from constants only by ops that weights go through on their way to a contraction.</summary>
    public static Tensor? Constant(Value value) => WeightOperand.Evaluate(value);

    /// <summary>
    /// int8 weights with zero point 0 before a DequantizeLinear, with one scale per index of <paramref name="axis"/>, each exact beside <paramref name="inputScale"/>; null when the weights are not of that
    /// form.
    /// </summary>
    public static (Tensor<sbyte> Weights, float[] Scales)? Weights(Value value, int axis, float inputScale)
    {
        if (value.Producer is not { Op: DequantizeLinear { BlockSize: 0 } dequantize } node) return null;
        if (Constant(node.Input(0)!) is not Tensor<sbyte> weights || Constant(node.Input(1)!) is not Tensor<float> scale) return null;
        if (node.Input(2) is { } zero && (Constant(zero) is not Tensor<sbyte> zeros || zeros.Data.Any(z => z != 0))) return null;
        if (!scale.Data.All(weightScale => Quantization.IsExact(inputScale, weightScale))) return null;
        var count = weights.Shape[axis];
        if (scale.Length == 1) return (weights, [.. Enumerable.Repeat(scale.Data[0], count)]);
        var scaled = dequantize.Axis < 0 ? dequantize.Axis + weights.Shape.Rank : dequantize.Axis;
        return scaled == axis && scale.Length == count ? (weights, scale.Data) : null;
    }

    /// <summary>An int32 bias whose scales are input scale * weight scale, else null.</summary>
    public static int[]? IntegerBias(Value value, float inputScale, float[] weightScales)
    {
        if (value.Producer is not { Op: DequantizeLinear { BlockSize: 0 } } node) return null;
        if (Constant(node.Input(0)!) is not Tensor<int> bias || Constant(node.Input(1)!) is not Tensor<float> scale) return null;
        if (node.Input(2) is { } zero && (Constant(zero) is not Tensor<int> zeros || zeros.Data.Any(z => z != 0))) return null;
        if (bias.Length != weightScales.Length) return null;
        for (var k = 0; k < bias.Length; k++)
        {
            double expected = (double)inputScale * weightScales[k], got = scale.Data[scale.Length == 1 ? 0 : k];
            // The product is rounded once to float by whoever wrote the file.
            if (!(Math.Abs(got - expected) <= expected * 1e-6)) return null;
        }
        return bias.Data;
    }

    private static Quantization? PerTensor(Node node, DataType type)
    {
        if (!type.IsQuantized() || node.Input(1)!.Constant is not Tensor<float> { Length: 1 } scale || !Quantization.IsExact(scale.Data[0])) return null;
        if (node.Input(2) is not { } zero) return new Quantization(scale.Data[0], 0, type);
        return zero.Constant switch
        {
            Tensor<sbyte> { Length: 1 } z => new Quantization(scale.Data[0], z.Data[0], type),
            Tensor<byte> { Length: 1 } z => new Quantization(scale.Data[0], z.Data[0], type),
            _ => null,
        };
    }
}
