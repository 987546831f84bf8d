namespace Pith.Ops;

/// <summary>
/// ONNX InstanceNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with mean and variance of each channel of each image. Operands: x [N, C, spatial...], scale [C], bias [C].
/// Ulyanov et al. 2016.
/// </summary>
public sealed record InstanceNormalization : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("InstanceNormalization", Read) { MinInputs = 3, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        ChannelStatistics.CheckParameters(context, 0, 1, 2);
        return [Reals.FloatType(context, 0)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (scale, bias, size) = (Reals.Of(inputs[1]!), Reals.Of(inputs[2]!), ChannelStatistics.PlaneSize(x.Shape));
        var y = LayerNormalization.Normalize(Reals.Of(x), x.Shape.LengthOf(0, 2), size, Epsilon).Normalized;
        for (var i = 0; i < y.Length; i++) y[i] = y[i] * scale[i / size % scale.Length] + bias[i / size % scale.Length];
        return [Reals.Create(x.DataType, x.Shape, y)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var spatial = Enumerable.Range(2, context.Input(0).Type.Rank - 2).ToValueList();
        var scale = context.Emit(new Unsqueeze([.. spatial.Select(axis => axis - 1)]), context.Input(1));
        var (data, scales) = NormalizationGradient.Emit(context, spatial, Epsilon, scale);
        var sum = new ReduceSum([0, .. spatial], KeepDims: false);
        return [data, context.Emit(sum, scales), context.Emit(sum, context.OutputGradient)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("epsilon", Epsilon);

    private static InstanceNormalization Read(OpReader reader)
    {
        reader.Ignore("consumed_inputs");
        return new() { Epsilon = reader.Float("epsilon", 1e-5f) };
    }
}
