namespace Pith.Ops;

/// <summary>ONNX GreaterOrEqual: left ≥ right.</summary>
public sealed record GreaterOrEqual : ComparisonOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("GreaterOrEqual", _ => new GreaterOrEqual()) { SinceVersion = 12, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply<T>(T left, T right) => left >= right;
}
