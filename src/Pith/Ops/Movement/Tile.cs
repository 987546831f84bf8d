namespace Pith.Ops;

/// <summary>ONNX Tile: the operand repeated along each axis. Operands x and the number of repeats per axis.</summary>
public sealed record Tile : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Tile", _ => new Tile()) { SinceVersion = 6, MinInputs = 2, MaxInputs = 2, ShapeOperands = [1] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var repeats = context.Dims(1);
        if (repeats.Count != x.Rank) throw context.Error($"one number of repeats per axis is needed, got {repeats}");
        if (repeats.Any(count => count is { IsFixed: true, Value: < 0 })) throw context.Error($"numbers of repeats must not be negative, got {repeats}");
        return [x.With(x.Dims.Zip(repeats, (dim, count) => dim * count).ToValueList())];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var repeats = inputs[1]!.ToInt64s();
        var tables = x.Shape.Strides().Select((stride, axis) =>
        {
            var once = IndexedCopy.Table(x.Shape[axis], stride);
            return Enumerable.Repeat(once, Sizes.Size(repeats[axis])).SelectMany(table => table).ToArray();
        });
        return [IndexedCopy.Read(x, [.. tables])];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [MovementGradient.Emit(context), null];
}
