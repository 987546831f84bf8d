namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="Softmax"/>, dx = y * (dy - sum(dy * y)), or of <see cref="LogSoftmax"/>, dx = dy - exp(y) * sum(dy), with the sums along <see cref="Axis"/>. Operands: dy and the forward
/// op's result y.
/// </summary>
public sealed record SoftmaxGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("SoftmaxGradient", Read) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The forward op's axis.</summary>
    public int Axis { get; init; } = -1;

    /// <summary>The forward op is <see cref="LogSoftmax"/>.</summary>
    public bool OfLogarithm { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var y = Reals.FloatType(context, 1);
        return y.Accepts(context.Type(0)) ? [y] : throw context.Error("the gradient must have the result's type and shape");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var shape = inputs[1]!.Shape;
        var (outer, size, inner) = Sizes.Split(shape, Sizes.Axis(Axis, shape.Rank));
        var (dy, y, dx) = (Reals.Of(inputs[0]!), Reals.Of(inputs[1]!), new double[shape.Length]);
        for (var o = 0; o < outer; o++)
        for (var j = 0; j < inner; j++)
        {
            var (start, sum) = (o * size * inner + j, 0.0);
            for (int i = 0, e = start; i < size; i++, e += inner) sum += OfLogarithm ? dy[e] : dy[e] * y[e];
            for (int i = 0, e = start; i < size; i++, e += inner) dx[e] = OfLogarithm ? dy[e] - Math.Exp(y[e]) * sum : y[e] * (dy[e] - sum);
        }
        return [Reals.Create(inputs[1]!.DataType, shape, dx)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("axis", Axis);
        writer.Flag("of_logarithm", OfLogarithm);
    }

    private static SoftmaxGradient Read(OpReader reader) => new() { Axis = reader.Int32("axis", -1), OfLogarithm = reader.Flag("of_logarithm", false) };
}
