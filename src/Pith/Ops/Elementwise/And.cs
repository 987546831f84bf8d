namespace Pith.Ops;

/// <summary>ONNX And: both are true.</summary>
public sealed record And : LogicalOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("And", _ => new And()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply(bool left, bool right) => left && right;
}
