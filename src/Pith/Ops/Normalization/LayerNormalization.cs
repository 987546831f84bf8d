namespace Pith.Ops;

/// <summary>
/// ONNX LayerNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, with mean and variance over <see cref="Axis"/> and all axes after it. Operands: x, scale and optional bias, which
/// broadcast to x. Optional outputs 1 and 2: mean and 1 / sqrt(variance + epsilon), float32, reduced axes of size 1. Ba et al. 2016.
/// </summary>
public sealed record LayerNormalization : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LayerNormalization", Read) { SinceVersion = 17, MinInputs = 2, MaxInputs = 3, MaxOutputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The first normalized axis.</summary>
    public int Axis { get; init; } = -1;

    /// <summary>Added to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 0);
        var axis = context.Axis(Axis, x.Rank);
        for (var operand = 1; operand <= 2; operand++)
            if (context.Has(operand) && Broadcasting.Combine(x.Dims, context.Type(operand).Dims) != x.Dims) throw context.Error($"operand {operand} cannot be broadcast to {x.Dims}");
        var reduced = new TensorType(DataType.Float32, x.Dims.Select((dim, i) => i < axis ? dim : 1).ToValueList());
        return [x, .. Enumerable.Repeat(reduced, context.OutputCount - 1)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var axis = Sizes.Axis(Axis, x.Shape.Rank);
        var (rows, size) = (x.Shape.LengthOf(0, axis), x.Shape.LengthOf(axis, x.Shape.Rank));
        var (normalized, means, inverses) = Normalize(Reals.Of(x), rows, size, Epsilon);
        var y = Broadcasting.Map(Tensor.Create(x.Shape, normalized), (Tensor<double>)inputs[1]!.ConvertTo(DataType.Float64), (a, scale) => a * scale);
        if (inputs.Count > 2 && inputs[2] is { } bias) y = Broadcasting.Map(y, (Tensor<double>)bias.ConvertTo(DataType.Float64), (a, b) => a + b);
        var reduced = new Shape([.. x.Shape.Dims.Select((dim, i) => i < axis ? dim : 1)]);
        Tensor[] all = [y.ConvertTo(x.DataType), Reals.Create(DataType.Float32, reduced, means), Reals.Create(DataType.Float32, reduced, inverses)];
        return all[..outputCount];
    }

    /// <summary>(x - mean) / sqrt(variance + epsilon) of each row, with the means and 1 / sqrt(variance + epsilon).</summary>
    internal static (double[] Normalized, double[] Means, double[] Inverses) Normalize(double[] x, int rows, int size, float epsilon)
    {
        var (normalized, means, inverses) = (new double[x.Length], new double[rows], new double[rows]);
        for (var row = 0; row < rows; row++)
        {
            var elements = x.AsSpan(row * size, size);
            var variance = 0.0;
            foreach (var element in elements) means[row] += element / size;
            foreach (var element in elements) variance += (element - means[row]) * (element - means[row]) / size;
            inverses[row] = 1 / Math.Sqrt(variance + epsilon);
            for (var i = 0; i < size; i++) normalized[row * size + i] = (elements[i] - means[row]) * inverses[row];
        }
        return (normalized, means, inverses);
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var (x, scale) = (context.Input(0).Type, context.Input(1).Type);
        var axis = Sizes.Axis(Axis, x.Rank);
        if (!x.Dims.Skip(axis).SequenceEqual(scale.Dims) || (context.Node.Input(2) is { } bias && bias.Type.Dims != scale.Dims))
        {
            var (data, scales) = NormalizationGradient.Emit(context, Enumerable.Range(axis, x.Rank - axis).ToValueList(), Epsilon, context.Input(1));
            return [data, context.SumTo(1, scales), context.Needs(2) ? context.SumTo(2, context.OutputGradient) : null];
        }
        var node = context.EmitNode(new LayerNormalizationGradient { Axis = Axis, Epsilon = Epsilon }, [context.OutputGradient, context.Input(0), context.Input(1)], 3);
        return [node.Outputs[0], node.Outputs[1], node.Outputs[2]];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("axis", Axis);
        writer.Float("epsilon", Epsilon);
    }

    private static LayerNormalization Read(OpReader reader)
    {
        if (reader.Int("stash_type", 1) != 1) throw reader.Error("stash_type other than float32 is not supported");
        return new() { Axis = reader.Int32("axis", -1), Epsilon = reader.Float("epsilon", 1e-5f) };
    }
}
