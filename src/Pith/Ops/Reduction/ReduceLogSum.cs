namespace Pith.Ops;

/// <summary>ONNX ReduceLogSum: the natural logarithm of the sum along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceLogSum(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceLogSum", reader => Read(reader, (axes, keepDims) => new ReduceLogSum(axes, keepDims), ofOne: new Log())) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = 0.0;
        foreach (var x in AsReals(elements)) result += x;
        return FromReal<T>(Math.Log(result));
    }
}
