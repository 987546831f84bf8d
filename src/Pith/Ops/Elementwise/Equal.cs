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
    // A symbol is a size, so it differs from every negative number: how exported models tell "keep this size" (-1) from sizes.
    protected override Dim? Apply(Dim left, Dim right)
    {
        if (left == right) return 1;
        if (left.IsFixed && right.IsFixed) return 0;
        return (left.IsFixed && left.Size < 0) || (right.IsFixed && right.Size < 0) ? 0 : null;
    }
}
