using Pith.Ops;

namespace Pith;

/// <summary>The one list of ops. What is listed can be imported, exported, printed and run by the reference interpreter; a test fails when an op is not listed.</summary>
public static class OpCatalog
{
    /// <summary>Every op, in alphabetical order within its family.</summary>
    public static IReadOnlyList<OpSchema> All { get; } =
    [
        // Element-wise
        Abs.Definition,
        Add.Definition,
        And.Definition,
        Cast.Definition,
        CastLike.Definition,
        Ceil.Definition,
        Celu.Definition,
        Clip.Definition,
        ClipGradient.Definition,
        Div.Definition,
        Dropout.Definition,
        Elu.Definition,
        Equal.Definition,
        Erf.Definition,
        Exp.Definition,
        Floor.Definition,
        Gelu.Definition,
        Greater.Definition,
        GreaterOrEqual.Definition,
        HardSigmoid.Definition,
        HardSwish.Definition,
        LeakyRelu.Definition,
        Less.Definition,
        LessOrEqual.Definition,
        Log.Definition,
        Max.Definition,
        Mean.Definition,
        Min.Definition,
        Mod.Definition,
        Mul.Definition,
        Neg.Definition,
        Not.Definition,
        Or.Definition,
        PRelu.Definition,
        Pow.Definition,
        Reciprocal.Definition,
        Relu.Definition,
        Round.Definition,
        Selu.Definition,
        Sigmoid.Definition,
        Sign.Definition,
        Softplus.Definition,
        Softsign.Definition,
        Sqrt.Definition,
        Sub.Definition,
        Sum.Definition,
        Tanh.Definition,
        UnaryGradient.Definition,
        Where.Definition,
        Xor.Definition,
        // Convolution
        Conv.Definition,
        // Pooling
        AveragePool.Definition,
        GlobalAveragePool.Definition,
        GlobalMaxPool.Definition,
        MaxPool.Definition,
        // Linear algebra
        Gemm.Definition,
        MatMul.Definition,
        // Normalization
        BatchNormalization.Definition,
        LogSoftmax.Definition,
        Softmax.Definition,
        // Quantization
        DequantizeLinear.Definition,
        QuantizeLinear.Definition,
        // Shape and data movement
        Concat.Definition,
        ConstantOfShape.Definition,
        DepthToSpace.Definition,
        Expand.Definition,
        Flatten.Definition,
        Gather.Definition,
        GatherElements.Definition,
        GatherND.Definition,
        Identity.Definition,
        Pad.Definition,
        Ops.Range.Definition,
        Reshape.Definition,
        ShapeOf.Definition,
        Size.Definition,
        Slice.Definition,
        SpaceToDepth.Definition,
        Split.Definition,
        Squeeze.Definition,
        Tile.Definition,
        Transpose.Definition,
        Unsqueeze.Definition,
        // Reduction
        ArgMax.Definition,
        ArgMin.Definition,
        ReduceL1.Definition,
        ReduceL2.Definition,
        ReduceLogSum.Definition,
        ReduceLogSumExp.Definition,
        ReduceMax.Definition,
        ReduceMean.Definition,
        ReduceMin.Definition,
        ReduceProd.Definition,
        ReduceSum.Definition,
        ReduceSumSquare.Definition,
        // Training: losses and gradients that are not ordinary ops
        AveragePoolGradient.Definition,
        BatchNormGradient.Definition,
        BatchNormTraining.Definition,
        ConvInputGradient.Definition,
        ConvWeightGradient.Definition,
        DistillationLoss.Definition,
        DistillationLossGradient.Definition,
        FakeQuantizeGradient.Definition,
        GlobalAveragePoolGradient.Definition,
        MaxPoolGradient.Definition,
        SoftmaxCrossEntropy.Definition,
        SoftmaxCrossEntropyGradient.Definition,
        SoftmaxGradient.Definition,
    ];

    private static readonly Dictionary<(string Domain, string Name), OpSchema> s_byName = All.ToDictionary(schema => (schema.Domain, schema.Name));

    /// <summary>The schema of an op, or null when Pith does not have it. <c>ai.onnx</c> is the same domain as the empty one.</summary>
    public static OpSchema? Find(string domain, string name) =>
        s_byName.GetValueOrDefault((domain == "ai.onnx" ? OpSchema.OnnxDomain : domain, name));
}
