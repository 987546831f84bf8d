namespace Pith.Ops;

/// <summary>ONNX Xor: exactly one is true.</summary>
public sealed record Xor : LogicalOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Xor", _ => new Xor()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply(bool left, bool right) => left != right;
}
