namespace Pith.Ops;

/// <summary>ONNX Equal: left = right, of numbers or booleans.</summary>
public sealed record Equal : ComparisonOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Equal", _ => new Equal()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool IsDefinedForBool => true;

    /// <inheritdoc/>
    protected override bool Apply<T>(T left, T right) => left == right;

    /// <inheritdoc/>
    // A size differs from every negative number: how exported models tell "keep this size" (-1) from sizes.
    protected override Dim? Apply(Dim left, Dim right)
    {
        if (left == right) return 1;
        if (left.IsFixed && right.IsFixed) return 0;
        var difference = left - right;
        return (difference - 1).IsNonNegative || (-1 - difference).IsNonNegative ? 0 : null;
    }
}
