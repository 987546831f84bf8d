namespace Pith.Ops;

/// <summary>ONNX ReduceMin: the smallest element along some axes; infinity of none.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceMin(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceMin", reader => Read(reader, (axes, keepDims) => new ReduceMin(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [SpreadOverExtremes(context)];

    /// <inheritdoc/>
    protected override bool IsDefinedForBool => true;

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = Largest<T>();
        foreach (var x in elements) result = T.Min(result, x);
        return result;
    }
}
