namespace Pith.Ops;

/// <summary>
/// The training loss of a classifier: the mean over the batch of -sum over k of q[k] * log softmax(logits)[k], where q is 1 for the label, smoothed to 1 - s + s/K for the label and s/K for the
/// others (Szegedy et al. 2016, section 7). Operands: logits [N, K] float, labels [N] int32; result a scalar.
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
        var (batch, classes, data, labels) = (logits.Shape[0], logits.Shape[1], Reals.Of(logits), inputs[1]!.As<int>().Data);
        var loss = 0.0;
        for (var n = 0; n < batch; n++)
        {
            var logarithms = ClassProbabilities.Logarithms(data, n, classes);
            for (var k = 0; k < classes; k++)
                if (Target(labels, n, k, classes) is var target && target != 0) loss -= target * logarithms[k] / batch;
        }
        return [Reals.Create(logits.DataType, new Shape(), [loss])];
    }

    /// <summary>The probability of class <paramref name="k"/> that the loss asks for.</summary>
    /// <exception cref="PithException">The label is no class.</exception>
    internal double Target(int[] labels, int n, int k, int classes)
    {
        if (labels[n] < 0 || labels[n] >= classes) throw new PithException($"Label {labels[n]} of image {n} is outside the {classes} classes (0 to {classes - 1}).");
        return LabelSmoothing / (double)classes + (labels[n] == k ? 1 - LabelSmoothing : 0);
    }

    internal static void CheckOperands(InferContext context, int first)
    {
        var (logits, labels) = (ClassProbabilities.CheckLogits(context, first), context.Type(first + 1));
        if (labels.DataType != DataType.Int32 || labels.Rank != 1 || !Sizes.MayBeEqual(labels[0], logits[0])) throw context.Error("labels must be int32 [N], one for each row of logits");
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Emit(new SoftmaxCrossEntropyGradient { LabelSmoothing = LabelSmoothing }, context.OutputGradient, context.Input(0), context.Input(1)), null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("label_smoothing", LabelSmoothing);
}
