namespace Pith.Ops;

/// <summary>
/// ONNX BatchNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, per channel. Operands: x [N, C, ...], scale [C], bias [C], mean [C], variance [C].
/// In inference mean and variance are the operands; in training mode they are those of the batch (variance biased), and outputs 1 and 2 are the running ones: operand * momentum
/// + batch * (1 - momentum).
/// </summary>
public sealed record BatchNormalization : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("BatchNormalization", Read) { MinInputs = 5, MaxInputs = 5, MaxOutputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <summary>What the running statistics keep of their old value in training mode.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>The batch's statistics are used, and the running ones returned.</summary>
    public bool TrainingMode { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 0);
        ChannelStatistics.CheckParameters(context, 0, 1, 2, 3, 4);
        if (context.OutputCount > 1 && !TrainingMode) throw context.Error("running statistics are returned in training mode only");
        return context.OutputCount == 1 ? [x] : [x, .. Enumerable.Range(0, context.OutputCount - 1).Select(_ => context.Type(3))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var data = Reals.Of(x);
        var (mean, variance) = (Reals.Of(inputs[3]!), Reals.Of(inputs[4]!));
        if (!TrainingMode) return [ChannelStatistics.Normalize(x, data, Reals.Of(inputs[1]!), Reals.Of(inputs[2]!), mean, variance, Epsilon)];

        var (batchMean, batchVariance) = ChannelStatistics.Measure(x.Shape, data);
        var y = ChannelStatistics.Normalize(x, data, Reals.Of(inputs[1]!), Reals.Of(inputs[2]!), batchMean, batchVariance, Epsilon);
        Tensor[] all = [y, Running(inputs[3]!, mean, batchMean), Running(inputs[4]!, variance, batchVariance)];
        return all[..outputCount];
    }

    private Tensor Running(Tensor like, double[] old, double[] batch) =>
        Reals.Create(like.DataType, like.Shape, [.. old.Zip(batch, (kept, measured) => kept * Momentum + measured * (1 - Momentum))]);

    /// <inheritdoc/>
    /// <remarks>Of inference only, where mean and variance are constants.</remarks>
    public override Value?[] Gradient(GradientContext context)
    {
        if (TrainingMode) throw new PithException($"BatchNormalization '{context.Node.Name}' in training mode has no gradient; training uses BatchNormTraining.");
        var node = context.EmitNode(
            new BatchNormGradient { Epsilon = Epsilon, FrozenStatistics = true }, [context.OutputGradient, context.Input(0), context.Input(1), context.Input(3), context.Input(4)], 3);
        return [node.Outputs[0], node.Outputs[1], node.Outputs[2], null, null];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Float("epsilon", Epsilon);
        writer.Float("momentum", Momentum);
        if (!TrainingMode) return;
        writer.RequireOpset(14, "BatchNormalization in training mode");
        writer.Flag("training_mode", true);
    }

    private static BatchNormalization Read(OpReader reader)
    {
        if (reader.Int("spatial", 1) != 1) throw reader.Error("spatial=0 (statistics per element) is not supported");
        // Before opset 14 a node was in training mode when it had the outputs for it; the last two of those (saved statistics) are gone since.
        if (reader.Opset < 14 && reader.OutputCount > 3) throw reader.Error("the outputs saved_mean and saved_var are not supported");
        return new()
        {
            Epsilon = reader.Float("epsilon", 1e-5f),
            Momentum = reader.Float("momentum", 0.9f),
            TrainingMode = reader.Opset < 14 ? reader.OutputCount > 1 : reader.Flag("training_mode", false),
        };
    }
}
