namespace Pith.Passes;

/// <summary>The ordered lists of passes. Order has meaning: the comment after a pass says what must come before or after it.</summary>
public static class Pipelines
{
    /// <summary>
    /// Makes an imported graph small and regular without changing what it computes, and keeps batch norm and shared parameters as they are, for training. The result can always be saved as ONNX again.
    /// </summary>
    public static IReadOnlyList<Pass> SimplifyKeepingBatchNorm { get; } =
    [
        .. Regular(forTraining: true),
        new RemoveDeadNodes(), // last: earlier passes leave what they replaced behind
    ];

    /// <summary>The same for inference: batch norm is folded into the convolution before it as well.</summary>
    public static IReadOnlyList<Pass> Simplify { get; } =
    [
        .. Regular(forTraining: false),
        new FoldTokenScale(),
        new FoldBatchNorm(), // what FoldChannelAffine found between convolution and batch norm is gone by now
        new RemoveDeadNodes(),
    ];

    private static Pass[] Regular(bool forTraining) =>
    [
        new ConstantFolding { KeepsSharedParameters = forTraining }, // first: the others look for constants
        new RemoveIdentity(), // before all patterns, which do not look through nodes that do nothing
        new ResolveReshapeTargets(), // before MergeReshapes, which moves a Reshape away from the tensor whose shape it reads
        new MergeReshapes(),
        new FoldPadding(), // before MergeTransposes: it leaves two that undo each other where Pad stood between them
        new MergeTransposes(),
        new SelectBeforeTranspose(), // after MergeTransposes, of which it takes what is left
        new CommonSubexpressions(), // before folding: a product that two equal nodes read is folded when they are one
        new PlainElementwise(), // before MatMulAddToGemm, which looks for Add
        new MatMulAddToGemm(), // before FoldChannelAffine, which folds into Gemm only
        new RegularGemm { KeepsSharedWeights = forTraining }, // after MatMulAddToGemm, whose biases have any shape
        new FoldChannelAffine { KeepsSharedWeights = forTraining },
    ];
}
