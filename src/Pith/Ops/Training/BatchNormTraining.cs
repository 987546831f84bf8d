namespace Pith.Ops;

/// <summary>
/// Batch normalization as training runs it: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta with the batch's own statistics. Operands: x [N, C, ...], gamma [C], beta [C]; results y, the
/// batch's mean [C] and its biased variance [C], from which the trainer updates the running statistics. Ioffe and Szegedy 2015.
/// </summary>
public sealed record BatchNormTraining : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("BatchNormTraining", reader => new BatchNormTraining { Epsilon = reader.Float("epsilon", 1e-5f) })
    {
        Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 3, MinOutputs = 3, MaxOutputs = 3,
    };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 0);
        ChannelStatistics.CheckParameters(context, 0, 1, 2);
        return [x, x.With([x[1]]), x.With([x[1]])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var data = Reals.Of(x);
        var (mean, variance) = ChannelStatistics.Measure(x.Shape, data);
        var y = ChannelStatistics.Normalize(x, data, Reals.Of(inputs[1]!), Reals.Of(inputs[2]!), mean, variance, Epsilon);
        var perChannel = new Shape(x.Shape[1]);
        return [y, Reals.Create(x.DataType, perChannel, mean), Reals.Create(x.DataType, perChannel, variance)];
    }

    /// <inheritdoc/>
    /// <remarks>No gradient flows through the statistics as outputs of their own: nothing that is trained may read them.</remarks>
    public override Value?[] Gradient(GradientContext context)
    {
        var node = context.EmitNode(
            new BatchNormGradient { Epsilon = Epsilon }, [context.OutputGradient, context.Input(0), context.Input(1), context.Node.Outputs[1], context.Node.Outputs[2]], 3);
        return [node.Outputs[0], node.Outputs[1], node.Outputs[2]];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("epsilon", Epsilon);
}
