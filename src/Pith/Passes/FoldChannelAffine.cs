using Pith.Ops;

namespace Pith.Passes;

/// <summary>Folds a multiplication, division, addition or subtraction of one constant per channel into the convolution or Gemm before it.</summary>
public sealed class FoldChannelAffine : Rewrite<BinaryOp>
{
    /// <summary>For training: a weight that several layers share is left alone, since folding would give each its own.</summary>
    public bool KeepsSharedWeights { get; init; }

    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, BinaryOp op)
    {
        foreach (var data in node.Inputs)
        {
            if (data!.Producer is not { Op: Conv or ConvTranspose or Gemm } layer || (KeepsSharedWeights && layer.Inputs[1]!.Uses.Count > 1)) continue;
            if (ChannelAffine.OfElementwise(node, data) is { } affine && AffineFolding.TryFold(graph, node, data, affine)) return true;
        }
        return false;
    }
}
