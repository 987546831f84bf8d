namespace Pith.Ops;

/// <summary>ONNX Flatten: a matrix whose rows run over the axes before <paramref name="Axis"/> and whose columns run over the rest.</summary>
/// <param name="Axis">The first axis of the columns, 0 to the rank; negative counts from the end.</param>
public sealed record Flatten(int Axis = 1) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Flatten", reader => new Flatten(reader.Int32("axis", 1)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var axis = Axis == x.Rank ? Axis : context.Axis(Axis, x.Rank);
        return [x.With([Product(x.Dims.Take(axis)), Product(x.Dims.Skip(axis))])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var axis = Axis < 0 ? Axis + x.Shape.Rank : Axis;
        return [x.Reshape(new Shape(x.Shape.LengthOf(0, axis), x.Shape.LengthOf(axis, x.Shape.Rank)))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.ReshapeTo(0, context.OutputGradient)];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Int("axis", Axis);

    private static Dim Product(IEnumerable<Dim> dims) => dims.Aggregate(Dim.Of(1), (product, dim) => product * dim);
}
