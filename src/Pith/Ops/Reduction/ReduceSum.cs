namespace Pith.Ops;

/// <summary>ONNX ReduceSum: the sum along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceSum(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceSum", reader => Read(reader, (axes, keepDims) => new ReduceSum(axes, keepDims), axesOperandSince: 13)) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override int AxesOperandSince => 13;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [Spread(context)];

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = T.Zero;
        foreach (var x in elements) result += x;
        return result;
    }
}
