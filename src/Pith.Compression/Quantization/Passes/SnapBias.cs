using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression;

/// <summary>
/// Rounds the bias of INT8 convolutions and matrix products to whole units of the accumulator, <c>input scale * weight scale</c>, half to even. It stays a float constant, as TensorRT wants
/// it, and an engine that adds it to the int32 accumulator adds the same number.
/// </summary>
public sealed class SnapBias : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Op is not (Conv or ConvTranspose or Gemm { Alpha: 1, Beta: 1 }) || node.Input(2) is not { Constant: Tensor<float> bias } value) continue;
            if (ScalesOf(node.Inputs[0]) is not { Length: 1 } input || ScalesOf(node.Inputs[1]) is not { } weight) continue;
            if (bias.Shape.Rank != 1 || (weight.Length != 1 && weight.Length != bias.Length)) continue;
            var snapped = Snapped(bias, input[0], weight);
            if (snapped.Span.SequenceEqual(bias.Span)) continue;
            graph.SetConstantOperand(node, 2, snapped, value.Name);
            changes++;
        }
        return changes;
    }

    /// <summary>The scales of a tensor that comes from a DequantizeLinear whose zero point may be anything; null for float tensors.</summary>
    private static float[]? ScalesOf(Value? value) =>
        value is { Producer: { Op: DequantizeLinear { BlockSize: 0 } } dequantize } && dequantize.Inputs[1]?.Constant is Tensor<float> scales ? scales.Data : null;

    private static Tensor<float> Snapped(Tensor<float> bias, float inputScale, float[] weightScales)
    {
        var snapped = bias.Clone();
        for (var k = 0; k < snapped.Length; k++)
        {
            var unit = (double)(inputScale * weightScales[weightScales.Length == 1 ? 0 : k]);
            var rounded = Math.Round(bias.Data[k] / unit, MidpointRounding.ToEven);
            // Beyond that, possible with scales of somebody else's only, a float cannot tell units apart.
            if (Math.Abs(rounded) <= 1 << 24) snapped.Data[k] = (float)(rounded * unit);
        }
        return snapped;
    }
}
