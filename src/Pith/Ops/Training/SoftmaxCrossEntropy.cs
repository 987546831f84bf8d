namespace Pith.Ops;

/// <summary>
/// The training loss of a classifier: the mean over the batch of -sum over k of q[k] * log softmax(logits)[k], where q is the target t smoothed to (1 - s) * t[k] + s/K (Szegedy et al. 2016, section 7).
/// Operands: logits [N, K] float, and labels [N] int32 (t is 1 for the label, 0 for the others) or soft targets t [N, K] float, which mixed images have; result a scalar. No gradient flows to targets.
/// </summary>
public sealed record SoftmaxCrossEntropy : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } =
        new("SoftmaxCrossEntropy", reader => new SoftmaxCrossEntropy { LabelSmoothing = reader.Float("label_smoothing", 0) }) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>s: the probability that is shared out evenly among all classes, 0 to below 1.</summary>
    public float LabelSmoothing { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        CheckOperands(context, 0);
        if (!(LabelSmoothing >= 0 && LabelSmoothing < 1)) throw context.Error($"label smoothing must be 0 to below 1, got {LabelSmoothing}");
        return [context.Type(0).With([])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var logits = inputs[0]!;
        var (batch, classes, data, target) = (logits.Shape[0], logits.Shape[1], Reals.Of(logits), Targets(inputs[1]!, logits.Shape[1]));
        var loss = 0.0;
        for (var n = 0; n < batch; n++)
        {
            var logarithms = ClassProbabilities.Logarithms(data, n, classes);
            for (var k = 0; k < classes; k++)
                if (target(n, k) is var wanted && wanted != 0) loss -= wanted * logarithms[k] / batch;
        }
        return [Reals.Create(logits.DataType, new Shape(), [loss])];
    }

    /// <summary>The probability of class k that the loss asks of image n.</summary>
    /// <exception cref="PithException">A label is not a class.</exception>
    internal Func<int, int, double> Targets(Tensor labels, int classes)
    {
        if (labels is Tensor<int> { Data: var indices })
        {
            for (var n = 0; n < indices.Length; n++)
                if ((uint)indices[n] >= (uint)classes) throw new PithException($"Label {indices[n]} of image {n} is outside the {classes} classes (0 to {classes - 1}).");
            return (n, k) => LabelSmoothing / (double)classes + (indices[n] == k ? 1 - LabelSmoothing : 0);
        }
        var soft = Reals.Of(labels);
        return (n, k) => LabelSmoothing / (double)classes + soft[n * classes + k] * (1 - LabelSmoothing);
    }

    internal static void CheckOperands(InferContext context, int first)
    {
        var (logits, labels) = (ClassProbabilities.CheckLogits(context, first), context.Type(first + 1));
        var areLabels = labels.DataType == DataType.Int32 && labels.Rank == 1 && Sizes.MayBeEqual(labels[0], logits[0]);
        if (!areLabels && !logits.Accepts(labels)) throw context.Error("labels must be int32 [N], one for each row of logits, or soft targets of the type and shape of the logits");
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Emit(new SoftmaxCrossEntropyGradient { LabelSmoothing = LabelSmoothing }, context.OutputGradient, context.Input(0), context.Input(1)), null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("label_smoothing", LabelSmoothing);
}
