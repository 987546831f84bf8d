namespace Pith.Ops;

/// <summary>ONNX ReduceMax: the largest element along some axes; minus infinity of none.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceMax(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceMax", reader => Read(reader, (axes, keepDims) => new ReduceMax(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [SpreadOverExtremes(context)];

    /// <inheritdoc/>
    protected override bool IsDefinedForBool => true;

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = Smallest<T>();
        foreach (var x in elements) result = T.Max(result, x);
        return result;
    }
}
