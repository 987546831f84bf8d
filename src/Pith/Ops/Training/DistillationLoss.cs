namespace Pith.Ops;

/// <summary>
/// The loss that makes a student answer like its teacher: T^2 times the mean over the batch of KL(softmax(teacher / T) || softmax(student / T)) (Hinton et al. 2015). The factor T^2 keeps the size of
/// the gradients independent of the temperature. Operands: student logits [N, K], teacher logits [N, K]; result a scalar. No gradient flows to the teacher.
/// </summary>
public sealed record DistillationLoss : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } =
        new("DistillationLoss", reader => new DistillationLoss { Temperature = reader.Float("temperature", 1) }) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>T: what both logits are divided by; above 1 the teacher's small probabilities count for more.</summary>
    public float Temperature { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        CheckOperands(context, 0);
        if (!(Temperature > 0)) throw context.Error($"the temperature must be positive, got {Temperature}");
        return [context.Type(0).With([])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (batch, classes) = (inputs[0]!.Shape[0], inputs[0]!.Shape[1]);
        var (students, teachers) = (Reals.Of(inputs[0]!), Reals.Of(inputs[1]!));
        var loss = 0.0;
        for (var n = 0; n < batch; n++)
        {
            var student = ClassProbabilities.Logarithms(students, n, classes, Temperature);
            var teacher = ClassProbabilities.Logarithms(teachers, n, classes, Temperature);
            for (var k = 0; k < classes; k++) loss += Math.Exp(teacher[k]) * (teacher[k] - student[k]);
        }
        return [Reals.Create(inputs[0]!.DataType, new Shape(), [loss * Temperature * Temperature / batch])];
    }

    internal static void CheckOperands(InferContext context, int first)
    {
        var (student, teacher) = (ClassProbabilities.CheckLogits(context, first), ClassProbabilities.CheckLogits(context, first + 1));
        if (!student.Accepts(teacher)) throw context.Error("student and teacher must have the same number of classes");
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Emit(new DistillationLossGradient { Temperature = Temperature }, context.OutputGradient, context.Input(0), context.Input(1)), null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("temperature", Temperature);
}
