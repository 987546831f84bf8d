namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="SoftmaxCrossEntropy"/> with respect to the logits: dloss / N * (softmax(logits) - target). Operands: dloss (scalar), logits [N, K], labels [N] int32 or soft targets [N, K].
/// </summary>
public sealed record SoftmaxCrossEntropyGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } =
        new("SoftmaxCrossEntropyGradient", reader => new SoftmaxCrossEntropyGradient { LabelSmoothing = reader.Float("label_smoothing", 0) }) { Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward op's smoothing.</summary>
    public float LabelSmoothing { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        SoftmaxCrossEntropy.CheckOperands(context, 1);
        return [context.Type(1)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (loss, logits) = (Reals.Of(inputs[0]!)[0], inputs[1]!);
        var (batch, classes, data) = (logits.Shape[0], logits.Shape[1], Reals.Of(logits));
        var target = new SoftmaxCrossEntropy { LabelSmoothing = LabelSmoothing }.Targets(inputs[2]!, classes);
        var gradient = new double[data.Length];
        for (var n = 0; n < batch; n++)
        {
            var logarithms = ClassProbabilities.Logarithms(data, n, classes);
            for (var k = 0; k < classes; k++) gradient[n * classes + k] = loss / batch * (Math.Exp(logarithms[k]) - target(n, k));
        }
        return [Reals.Create(logits.DataType, logits.Shape, gradient)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("label_smoothing", LabelSmoothing);
}
