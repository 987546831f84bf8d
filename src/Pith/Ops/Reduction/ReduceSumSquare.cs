namespace Pith.Ops;

/// <summary>ONNX ReduceSumSquare: the sum of squares along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceSumSquare(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceSumSquare", reader => Read(reader, (axes, keepDims) => new ReduceSumSquare(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    // d(sum x^2)/dx = 2x.
    public override Value?[] Gradient(GradientContext context) => [context.Emit(new Mul(), Spread(context), context.Emit(new Mul(), context.Input(0), context.Constant(2)))];

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = T.Zero;
        foreach (var x in elements) result += x * x;
        return result;
    }
}
