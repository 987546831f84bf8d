namespace Pith.Ops;

/// <summary>
/// The gradient of batch normalization. Operands: dy and x [N, C, ...], gamma, mean and variance [C]; results dx, dgamma, dbeta. With the batch's own statistics (Ioffe and Szegedy 2015, section 3)
/// dx = gamma / s * (dy - mean(dy) - xhat * mean(dy * xhat)), where s = sqrt(variance + epsilon) and xhat = (x - mean) / s; with frozen statistics dx = gamma / s * dy.
/// </summary>
public sealed record BatchNormGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("BatchNormGradient", Read)
    {
        Domain = OpSchema.PithDomain, MinInputs = 5, MaxInputs = 5, MinOutputs = 3, MaxOutputs = 3,
    };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>What the forward op adds to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <summary>Mean and variance are constants (running statistics), not functions of x.</summary>
    public bool FrozenStatistics { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 1);
        if (!x.Accepts(context.Type(0))) throw context.Error("the gradient must have the data's type and shape");
        ChannelStatistics.CheckParameters(context, 1, 2, 3, 4);
        return [x, context.Type(2), context.Type(2)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[1]!;
        var (dy, data, gamma) = (Reals.Of(inputs[0]!), Reals.Of(x), Reals.Of(inputs[2]!));
        var (mean, variance) = (Reals.Of(inputs[3]!), Reals.Of(inputs[4]!));
        var size = ChannelStatistics.PlaneSize(x.Shape);
        var (dx, dgamma, dbeta) = (new double[data.Length], new double[gamma.Length], new double[gamma.Length]);
        ChannelStatistics.ForEachPlane(x.Shape, (c, start) =>
        {
            for (var i = start; i < start + size; i++)
            {
                dgamma[c] += dy[i] * (data[i] - mean[c]) / Math.Sqrt(variance[c] + Epsilon);
                dbeta[c] += dy[i];
            }
        });
        var count = (double)x.Shape[0] * size;
        ChannelStatistics.ForEachPlane(x.Shape, (c, start) =>
        {
            var deviation = Math.Sqrt(variance[c] + Epsilon);
            for (var i = start; i < start + size; i++)
            {
                var throughStatistics = FrozenStatistics ? 0 : dbeta[c] / count + (data[i] - mean[c]) / deviation * dgamma[c] / count;
                dx[i] = gamma[c] / deviation * (dy[i] - throughStatistics);
            }
        });
        return [Reals.Create(x.DataType, x.Shape, dx), Reals.Create(inputs[2]!.DataType, inputs[2]!.Shape, dgamma), Reals.Create(inputs[2]!.DataType, inputs[2]!.Shape, dbeta)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Float("epsilon", Epsilon);
        writer.Flag("frozen_statistics", FrozenStatistics);
    }

    private static BatchNormGradient Read(OpReader reader) => new() { Epsilon = reader.Float("epsilon", 1e-5f), FrozenStatistics = reader.Flag("frozen_statistics", false) };
}
