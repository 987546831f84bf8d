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
}
