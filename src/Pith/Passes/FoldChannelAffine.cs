using Pith.Ops;

namespace Pith.Passes;

/// <summary>Folds a multiplication, division, addition or subtraction of one constant per channel into the convolution or Gemm before it.</summary>
public sealed class FoldChannelAffine : Rewrite<BinaryOp>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, BinaryOp op)
    {
        foreach (var data in node.Inputs)
            if (data!.Producer?.Op is Conv or ConvTranspose or Gemm && ChannelAffine.OfElementwise(node, data) is { } affine && AffineFolding.TryFold(graph, node, data, affine)) return true;
        return false;
    }
}
