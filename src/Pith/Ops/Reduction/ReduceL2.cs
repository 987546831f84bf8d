namespace Pith.Ops;

/// <summary>ONNX ReduceL2: the square root of the sum of squares along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceL2(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceL2", reader => Read(reader, (axes, keepDims) => new ReduceL2(axes, keepDims), ofOne: new Abs())) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    // d|x|/dx = x / |x|, and 0 where |x| is.
    public override Value?[] Gradient(GradientContext context)
    {
        var length = Spread(context, context.Output);
        var slope = context.Emit(new Where(), context.Emit(new Greater(), length, context.Constant(0)), context.Emit(new Div(), context.Input(0), length), context.Constant(0));
        return [context.Emit(new Mul(), Spread(context), slope)];
    }

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = 0.0;
        foreach (var x in AsReals(elements)) result += x * x;
        return FromReal<T>(Math.Sqrt(result));
    }
}
