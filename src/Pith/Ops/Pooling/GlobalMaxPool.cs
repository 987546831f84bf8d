namespace Pith.Ops;

/// <summary>ONNX GlobalMaxPool: the largest element over all spatial axes, [N, C, spatial...] to [N, C, 1...].</summary>
public sealed record GlobalMaxPool : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("GlobalMaxPool", _ => new GlobalMaxPool());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context) => [PoolingTypes.InferGlobal(context)];

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var data = Reals.Of(x);
        var (planes, size) = (x.Shape.LengthOf(0, 2), x.Shape.LengthOf(2, x.Shape.Rank));
        var largest = new double[planes];
        Array.Fill(largest, double.NegativeInfinity);
        for (var plane = 0; plane < planes; plane++)
            foreach (var value in data.AsSpan(plane * size, size)) largest[plane] = Math.Max(largest[plane], value);
        return [Reals.Create(x.DataType, new Shape([x.Shape[0], x.Shape[1], .. Enumerable.Repeat(1, x.Shape.Rank - 2)]), largest)];
    }

    /// <inheritdoc/>
    // Shared out evenly among equal elements, as that of ReduceMax is.
    public override Value?[] Gradient(GradientContext context)
    {
        var x = context.Input(0);
        var isLargest = context.Emit(new Cast(x.Type.DataType), context.Emit(new Equal(), x, context.Output));
        var count = context.Emit(new ReduceSum(Enumerable.Range(2, x.Type.Rank - 2).ToValueList()), isLargest);
        return [context.Emit(new Mul(), context.OutputGradient, context.Emit(new Div(), isLargest, count))];
    }
}
