using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// Residual Add of images: every operand except one that comes from a convolution or matrix product (then perhaps its bias, BatchNormalization and an activation) whose result nobody else reads, so that the addition fuses
/// into that layer. The residual stream of a transformer stays in float: it is read by layer normalization, which is computed in float, and has a few channels so large that the others would be lost in one scale.
/// </summary>
internal sealed class ResidualAddRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search)
    {
        if (node.Op is not Add || IsNormalized(node.Output) || FloatOperands(node) is not { Count: 2 } operands || node.Inputs[0]!.Type != node.Inputs[1]!.Type) return [];
        return ExceptFused(node, operands, FusingLayer, search);
    }

    /// <summary>Whether layer normalization reads a value, or a sum of it: as one op, or as exporters wrote it before there was one: x - mean(x), and so on.</summary>
    private static bool IsNormalized(Value value) => value.Uses.Any(use => use.Node.Op is LayerNormalization
        || use.Node.Op is Add && IsNormalized(use.Node.Output)
        || use.Node.Op is ReduceMean { KeepDims: true } && use.Node.Output.Uses.Any(mean => mean.Node.Op is Sub && ReferenceEquals(mean.Node.Inputs[0], value)));

    /// <summary>The convolution or matrix product that ends in <paramref name="value"/>, each step read once only.</summary>
    private static Node? FusingLayer(Value value)
    {
        while (value is { SingleConsumer: not null, Producer: { } producer })
        {
            if (ComputeLayerRule.IsComputeLayer(producer)) return producer;
            if (producer.Op is Add && producer.Inputs.FirstOrDefault(input => input!.Producer is { } layer && LayerBias.Of(layer)?.Node == producer) is { } product) return product.Producer;
            if (producer.Op is not (BatchNormalization or Relu or Clip or LeakyRelu or HardSwish or HardSigmoid or Sigmoid)) return null;
            value = producer.Inputs[0]!;
        }
        return null;
    }
}
