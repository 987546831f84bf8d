namespace Pith.Ops;

/// <summary>ONNX ReduceL2: the square root of the sum of squares along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceL2(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceL2", reader => Read(reader, (axes, keepDims) => new ReduceL2(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override double Reduce(ReadOnlySpan<double> elements)
    {
        var result = 0.0;
        foreach (var x in elements) result += x * x;
        return Math.Sqrt(result);
    }
}
