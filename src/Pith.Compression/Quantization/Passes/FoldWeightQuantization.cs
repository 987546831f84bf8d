using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// A constant after a QuantizeLinear becomes an int8 constant; the DequantizeLinear stays. Signed weights keep to the narrow range [-127, 127] ([-63, 63] with 7 bits), also where QAT has pushed one beyond its
/// frozen scale.
/// </summary>
/// <param name="largest">The largest quantized weight: 127, or 63 for 7 bits.</param>
public sealed class FoldWeightQuantization(int largest) : Rewrite<QuantizeLinear>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, QuantizeLinear op)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(op);
        if (node.Inputs.Any(input => input is { Constant: null }) || node.Inputs[0] is not { } weight) return false;
        var quantized = op.Evaluate([.. node.Inputs.Select(input => input?.Constant)], 1)[0];
        if (quantized is Tensor<sbyte> signed)
            foreach (ref var q in signed.Span) q = (sbyte)Math.Clamp((int)q, -largest, largest);
        graph.ReplaceAllUses(node.Output, graph.AddConstant($"{weight.Name}/int8", quantized));
        return true;
    }
}
