namespace Pith.Ops;

/// <summary>ONNX ReduceL1: the sum of magnitudes along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceL1(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceL1", reader => Read(reader, (axes, keepDims) => new ReduceL1(axes, keepDims), ofOne: new Abs())) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.Emit(new Mul(), Spread(context), context.Emit(new Sign(), context.Input(0)))];

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = T.Zero;
        foreach (var x in elements) result += T.IsNegative(x) ? T.Zero - x : x;
        return result;
    }
}
