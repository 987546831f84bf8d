using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// Residual Add: every operand except one that comes from a convolution (then perhaps BatchNormalization and an activation) whose result nobody else reads, so that the addition fuses
/// into that convolution.
/// </summary>
internal sealed class ResidualAddRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search)
    {
        if (node.Op is not Add || FloatOperands(node) is not { Count: 2 } operands || node.Inputs[0]!.Type != node.Inputs[1]!.Type) return [];
        return ExceptFused(node, operands, FusingLayer, search);
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
