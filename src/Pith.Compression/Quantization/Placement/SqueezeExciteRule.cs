using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// The multiplication in a squeeze-and-excitation block (EfficientNet, MobileNetV3): both operands. It is known by one operand being one value per channel, [N, C, 1, 1], and the
/// other a whole image; x * sigmoid(x) is not one.
/// </summary>
internal sealed class SqueezeExciteRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search)
    {
        if (node.Op is not Mul || FloatOperands(node) is not { Count: 2 } operands) return [];
        var (left, right) = (node.Inputs[0]!.Type, node.Inputs[1]!.Type);
        var scalesChannels = left.Rank == right.Rank && left.Rank >= 3 && left[1] == right[1] && IsPerChannel(left) != IsPerChannel(right);
        return scalesChannels ? operands : [];
    }

    private static bool IsPerChannel(TensorType type) => type.Dims.Skip(2).All(dim => dim == 1);
}
