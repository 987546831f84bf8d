using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Gives fake-quantized float weights short scales again after BatchNormalization was folded into them, which multiplied their scales. <see cref="InsertQdq"/> chose them so that
/// they would be short after the fold; training has moved the factors a little since, so the nearest short scale is hardly another one. An input whose scale is not a positive number counts as unknown.
/// </summary>
/// <param name="options">With exact scales full-precision scales stay as they are; only those too small for the layer's bias are replaced.</param>
public sealed class ShortenWeightScales(QuantizationSettings options) : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var changes = 0;
        foreach (var weight in graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>())
            if (Apply(graph, weight)) changes++;
        return changes;
    }

    private bool Apply(Graph graph, WeightOperand weight)
    {
        if (weight.Node.Inputs[weight.Index]!.Producer is not { Op: DequantizeLinear { BlockSize: 0 } op } dequantize || weight.Constant.Constant is not Tensor<float> values) return false;
        if (dequantize.Inputs[0]!.Producer is not { Op: QuantizeLinear { BlockSize: 0 } } quantize || quantize.Inputs[1]?.Constant is not Tensor<float> scales) return false;
        var shortened = scales.Clone();
        Granularity granularity = scales.Length == 1 ? new Granularity.PerTensor() : new Granularity.PerAxis((op.Axis + values.Shape.Rank) % values.Shape.Rank);
        for (var k = 0; k < shortened.Length; k++) shortened.Data[k] = Shortened(scales.Data[k], weight.Node, k, scales.Length, () => WeightScales.Magnitudes(values, granularity, k).Sum(w => (double)w));
        if (shortened.Span.SequenceEqual(scales.Span)) return false;
        var constant = graph.AddConstant($"{weight.Constant.Name}/scale", shortened);
        graph.ReplaceInput(quantize, 1, constant);
        graph.ReplaceInput(dequantize, 1, constant);
        return true;
    }

    private float Shortened(float scale, Node node, int channel, int channels, Func<double> magnitude)
    {
        var input = InputOf(node);
        var biases = LayerBias.Constant(node) is { Length: > 0 } tensor && (channels == 1 || tensor.Length == channels) ? tensor.Data : null;
        float? bias = biases is null ? null : channels == 1 ? biases.Max(MathF.Abs) : MathF.Abs(biases[channel]);
        return WeightScales.Settle(scale, input, magnitude, bias, options);
    }

    /// <summary>The parameters of a layer's data; null when it is not quantized, or by a scale that is not a positive number.</summary>
    public static QuantizationParameters? InputOf(Node node) =>
        node.Inputs[0] is { Producer: { Op: DequantizeLinear } data } && data.Inputs[1]?.Constant is Tensor<float> { Length: 1 } constant && constant.Data[0] > 0 && float.IsFinite(constant.Data[0])
            ? QuantizationParameters.FromScale(constant.Data[0], data.Inputs[0]!.Type.DataType) : null;
}
