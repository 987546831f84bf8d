namespace Pith.Ops;

/// <summary>ONNX ReduceProd: the product along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceProd(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceProd", reader => Read(reader, (axes, keepDims) => new ReduceProd(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var result = T.One;
        foreach (var x in elements) result *= x;
        return result;
    }
}
