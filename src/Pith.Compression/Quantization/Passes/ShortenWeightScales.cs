using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Gives fake-quantized float weights short scales again after BatchNormalization was folded into them, which multiplied their scales. <see cref="InsertQdq"/> chose them so that
/// they would be short after the fold; training has moved the factors a little since, so the nearest short scale is hardly another one.
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
        if (weight.Node.Inputs[weight.Index]!.Producer is not { Op: DequantizeLinear { BlockSize: 0 } } dequantize || weight.Constant.Constant is not Tensor<float>) return false;
        if (dequantize.Inputs[0]!.Producer is not { Op: QuantizeLinear { BlockSize: 0 } } quantize || quantize.Inputs[1]?.Constant is not Tensor<float> scales) return false;
        var shortened = scales.Clone();
        for (var k = 0; k < shortened.Length; k++) shortened.Data[k] = Shortened(scales.Data[k], weight.Node, k, scales.Length);
        if (shortened.Span.SequenceEqual(scales.Span)) return false;
        var constant = graph.AddConstant($"{weight.Constant.Name}/scale", shortened);
        graph.ReplaceInput(quantize, 1, constant);
        graph.ReplaceInput(dequantize, 1, constant);
        return true;
    }

    private float Shortened(float scale, Node node, int channel, int channels)
    {
        if (scale * options.LargestWeight <= QuantizationParameters.SmallestAmax) scale = 1;
        else if (!options.ExactScales) scale = ShortScale.RoundToNearest(scale);
        var inputScale = node.Inputs[0] is { Producer: { Op: DequantizeLinear } data } && data.Inputs[1]?.Constant is Tensor<float> { Length: 1 } input ? input.Data[0] : (float?)null;
        if (inputScale is null || node.Input(2)?.Constant is not Tensor<float> { Length: > 0 } bias || channels > 1 && bias.Length != channels) return scale;
        return WeightScales.AtLeast(scale, channels == 1 ? bias.Data.Max(MathF.Abs) : MathF.Abs(bias.Data[channel]), inputScale.Value);
    }
}
