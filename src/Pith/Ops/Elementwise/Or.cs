namespace Pith.Ops;

/// <summary>ONNX Or: at least one is true.</summary>
public sealed record Or : LogicalOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Or", _ => new Or()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply(bool left, bool right) => left || right;
}
