namespace Pith.Ops;

/// <summary>ONNX ReduceLogSumExp: ln Σ e^x along some axes, computed without overflow.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceLogSumExp(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceLogSumExp", reader => Read(reader, (axes, keepDims) => new ReduceLogSumExp(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        var reals = AsReals(elements);
        var largest = double.NegativeInfinity;
        foreach (var x in reals) largest = Math.Max(largest, x);
        if (double.IsInfinity(largest)) return FromReal<T>(largest);
        var sum = 0.0;
        foreach (var x in reals) sum += Math.Exp(x - largest);
        return FromReal<T>(largest + Math.Log(sum));
    }
}
