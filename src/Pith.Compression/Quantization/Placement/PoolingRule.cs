using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// The input of AveragePool and GlobalAveragePool; that of MaxPool in residual networks with pre-activation (ResNet v2), where it does not follow a
/// convolution and its activation directly. Elsewhere MaxPool commutes with quantization and needs nothing.
/// </summary>
internal sealed class PoolingRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) => node.Op switch
    {
        AveragePool or GlobalAveragePool => FloatOperands(node),
        MaxPool when search.IsPreActivationResidual => FloatOperands(node),
        _ => [],
    };
}
