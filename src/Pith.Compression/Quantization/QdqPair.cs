using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>Adds a QuantizeLinear and a DequantizeLinear with their constants: scalars per tensor, vectors per axis.</summary>
internal static class QdqPair
{
    /// <summary>One pair after <paramref name="value"/>; nothing reads its result yet.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="value">The value.</param>
    /// <param name="parameters">Scale and zero point.</param>
    /// <param name="scale">The constant that another pair has for the same scale; null makes one.</param>
    /// <returns>The dequantized value.</returns>
    public static Value Insert(Graph graph, Value value, QuantizationParameters parameters, Value? scale = null)
    {
        var (axis, shape) = parameters.Granularity is Granularity.PerAxis(var index) ? (index, new Shape(parameters.Scales.Count)) : (0, new Shape());
        scale ??= graph.AddConstant($"{value.Name}/scale", Tensor.Create(shape, parameters.Scales.ToArray()));
        var zeroPoint = graph.AddConstant($"{value.Name}/zero_point", ZeroPoint(parameters, shape));
        var quantize = graph.AddNode(new QuantizeLinear { Axis = axis }, [value, scale, zeroPoint], $"{value.Name}/QuantizeLinear", [$"{value.Name}/quantized"]);
        return graph.AddNode(new DequantizeLinear { Axis = axis }, [quantize.Output, scale, zeroPoint], $"{value.Name}/DequantizeLinear", [$"{value.Name}/dequantized"]).Output;
    }

    private static Tensor ZeroPoint(QuantizationParameters parameters, Shape shape) => parameters.DataType == DataType.Int8
        ? Tensor.Create(shape, parameters.ZeroPoints.Select(zero => (sbyte)zero).ToArray())
        : Tensor.Create(shape, parameters.ZeroPoints.Select(zero => (byte)zero).ToArray());
}
