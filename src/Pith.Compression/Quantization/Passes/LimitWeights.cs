using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Limits fake-quantized float weights to the narrow range, 127 (63) steps of their scale to either side of zero. QAT can push a weight beyond the range of its frozen scale; it would round to -128 or beyond 7 bits,
/// which has no positive counterpart, so that a negative factor of batch norm could not flip its sign.
/// </summary>
/// <param name="largest">The largest quantized weight: 127, or 63 for 7 bits.</param>
public sealed class LimitWeights(int largest) : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Op is not QuantizeLinear { BlockSize: 0 } op || node.Output.Type.DataType != DataType.Int8) continue;
            if (node.Inputs[0] is not { Constant: Tensor<float> weight } || node.Inputs[1]!.Constant is not Tensor<float> scales || Limited(weight, scales, op.Axis) is not { } limited) continue;
            graph.SetConstantOperand(node, 0, limited, node.Inputs[0]!.Name);
            changes++;
        }
        return changes;
    }

    /// <summary>The limited weight; null when all lie within the limits.</summary>
    private Tensor<float>? Limited(Tensor<float> weight, Tensor<float> scales, int axis)
    {
        Tensor<float>? limited = null;
        var inner = scales.Length == 1 ? weight.Length : weight.Shape.LengthOf((axis < 0 ? axis + weight.Shape.Rank : axis) + 1, weight.Shape.Rank);
        for (var i = 0; i < weight.Length; i++)
        {
            var limit = largest * scales.Data[i / Math.Max(inner, 1) % scales.Length];
            if (!(Math.Abs(weight.Data[i]) > limit)) continue;
            limited ??= weight.Clone();
            limited.Data[i] = MathF.CopySign(limit, weight.Data[i]);
        }
        return limited;
    }
}
