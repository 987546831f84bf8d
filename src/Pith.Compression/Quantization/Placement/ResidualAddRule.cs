using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// Residual Add: every operand except one that comes from a convolution (then perhaps BatchNormalization and an activation) whose result nobody else reads, so that the addition fuses
/// into that convolution. When both operands do, the one computed last is excepted: the other is ready by then.
/// </summary>
internal sealed class ResidualAddRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search)
    {
        if (node.Op is not Add || FloatOperands(node) is not { Count: 2 } operands || node.Inputs[0]!.Type != node.Inputs[1]!.Type) return [];
        var fused = operands
            .Select(i => (Operand: i, Layer: FusingLayer(node.Inputs[i]!)))
            .Where(candidate => candidate.Layer is not null)
            .OrderByDescending(candidate => search.PositionOf(candidate.Layer!))
            .Select(candidate => candidate.Operand)
            .DefaultIfEmpty(-1)
            .First();
        return [.. operands.Where(i => i != fused)];
    }

    /// <summary>The convolution or matrix product that ends in <paramref name="value"/>, each step read once only.</summary>
    private static Node? FusingLayer(Value value)
    {
        while (value is { SingleConsumer: not null, Producer: { } producer })
        {
            if (ComputeLayerRule.IsComputeLayer(producer)) return producer;
            if (producer.Op is not (BatchNormalization or Relu or Clip or LeakyRelu or HardSwish or HardSigmoid or Sigmoid)) return null;
            value = producer.Inputs[0]!;
        }
        return null;
    }
}
