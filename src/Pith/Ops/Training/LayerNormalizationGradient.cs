namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="LayerNormalization"/>. Operands: dy, x, scale (of the normalized axes' shape); results dx, dscale, dbias, where with g = dy * scale and xhat = (x - mean) * r of each row,
/// dx = r * (g - mean(g) - xhat * mean(g * xhat)).
/// </summary>
public sealed record LayerNormalizationGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LayerNormalizationGradient", Read)
    {
        Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 3, MinOutputs = 3, MaxOutputs = 3,
    };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The first normalized axis.</summary>
    public int Axis { get; init; } = -1;

    /// <summary>What the forward op adds to the variance.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 1);
        context.Axis(Axis, x.Rank);
        return x.Accepts(context.Type(0)) ? [x, context.Type(2), context.Type(2)] : throw context.Error("the gradient must have the data's type and shape");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, parameters) = (inputs[1]!, inputs[2]!);
        var axis = Sizes.Axis(Axis, x.Shape.Rank);
        var (rows, size) = (x.Shape.LengthOf(0, axis), x.Shape.LengthOf(axis, x.Shape.Rank));
        var (dy, scale) = (Reals.Of(inputs[0]!), Reals.Of(parameters));
        var (normalized, _, inverses) = LayerNormalization.Normalize(Reals.Of(x), rows, size, Epsilon);
        var (dx, dscale, dbias) = (new double[x.Length], new double[size], new double[size]);
        for (var row = 0; row < rows; row++)
        {
            var (mean, correlation) = (0.0, 0.0);
            for (var i = 0; i < size; i++)
            {
                var e = row * size + i;
                dscale[i] += dy[e] * normalized[e];
                dbias[i] += dy[e];
                mean += dy[e] * scale[i] / size;
                correlation += dy[e] * scale[i] * normalized[e] / size;
            }
            for (var i = 0; i < size; i++) dx[row * size + i] = inverses[row] * (dy[row * size + i] * scale[i] - mean - normalized[row * size + i] * correlation);
        }
        return [Reals.Create(x.DataType, x.Shape, dx), Reals.Create(parameters.DataType, parameters.Shape, dscale), Reals.Create(parameters.DataType, parameters.Shape, dbias)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("axis", Axis);
        writer.Float("epsilon", Epsilon);
    }

    private static LayerNormalizationGradient Read(OpReader reader) => new() { Axis = reader.Int32("axis", -1), Epsilon = reader.Float("epsilon", 1e-5f) };
}
