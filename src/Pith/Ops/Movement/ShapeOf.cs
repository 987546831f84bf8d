namespace Pith.Ops;

/// <summary>ONNX Shape: the sizes of the operand as 64-bit integers, or a range of them.</summary>
/// <param name="Start">The first axis; negative counts from the end; clamped to the rank.</param>
/// <param name="End">The axis after the last; null for all.</param>
public sealed record ShapeOf(int Start = 0, int? End = null) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Shape", reader => new ShapeOf(reader.Int32("start", 0), reader.Has("end") ? reader.Int32("end", 0) : null));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var dims = Range(context.Type(0).Dims);
        context.SetShapeValue(0, dims);
        return [new TensorType(DataType.Int64, [dims.Count])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) =>
        [Tensor.Vector<long>([.. Range(inputs[0]!.Shape.Dims).Select(size => (long)size)])];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [null];

    /// <inheritdoc/>
    // The attributes exist since opset 15; without them the op reads in every opset.
    public override void Write(OpWriter writer)
    {
        if (Start != 0 || End is not null) writer.RequireOpset(15, "Shape with start or end");
        if (Start != 0) writer.Int("start", Start);
        if (End is { } end) writer.Int("end", end);
    }

    private ValueList<T> Range<T>(ValueList<T> dims)
    {
        var start = Clamp(Start, dims.Count);
        return dims.Take(Clamp(End ?? dims.Count, dims.Count)).Skip(start).ToValueList();
    }

    private static int Clamp(int axis, int rank) => Math.Clamp(axis < 0 ? axis + rank : axis, 0, rank);
}
