using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>BatchNormalization before the convolution (ResNet v2, DenseNet): its input, when what computes that is not a convolution into which it could be folded.</summary>
internal sealed class PreActivationRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) => IsPreActivation(node) ? [0] : [];

    public static bool IsPreActivation(Node node) =>
        node.Op is BatchNormalization && node.Inputs[0] is { Producer: { } producer } && !ComputeLayerRule.IsComputeLayer(producer);
}
