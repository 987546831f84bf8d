namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="DistillationLoss"/> with respect to the student's logits: dloss * T / N * (softmax(student / T) - softmax(teacher / T)). Operands: dloss (scalar), student and teacher
/// logits [N, K].
/// </summary>
public sealed record DistillationLossGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } =
        new("DistillationLossGradient", reader => new DistillationLossGradient { Temperature = reader.Float("temperature", 1) }) { Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward op's temperature.</summary>
    public float Temperature { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        DistillationLoss.CheckOperands(context, 1);
        return [context.Type(1)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (loss, students, teachers) = (Reals.Of(inputs[0]!)[0], Reals.Of(inputs[1]!), Reals.Of(inputs[2]!));
        var (batch, classes) = (inputs[1]!.Shape[0], inputs[1]!.Shape[1]);
        var gradient = new double[students.Length];
        for (var n = 0; n < batch; n++)
        {
            var student = ClassProbabilities.Logarithms(students, n, classes, Temperature);
            var teacher = ClassProbabilities.Logarithms(teachers, n, classes, Temperature);
            for (var k = 0; k < classes; k++) gradient[n * classes + k] = loss * Temperature / batch * (Math.Exp(student[k]) - Math.Exp(teacher[k]));
        }
        return [Reals.Create(inputs[1]!.DataType, inputs[1]!.Shape, gradient)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("temperature", Temperature);
}
