using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Folds inference-mode batch norm into the convolution or Gemm before it: w'[k] = w[k] * f[k], b'[k] = (b[k] - mean[k]) * f[k] + beta[k] with f = gamma / sqrt(variance + epsilon).
/// A quantized weight keeps its integers up to the sign of f, and its scales are multiplied by |f|. Where the weight cannot hold that, batch norm stays an op of its own.
/// </summary>
public sealed class FoldBatchNorm : Rewrite<BatchNormalization>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, BatchNormalization op) =>
        ChannelAffine.OfBatchNorm(node, op) is { } affine && AffineFolding.TryFold(graph, node, node.Inputs[0]!, affine);
}
