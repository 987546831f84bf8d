namespace Pith.Ops;

/// <summary>ONNX LessOrEqual: left ≤ right.</summary>
public sealed record LessOrEqual : ComparisonOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LessOrEqual", _ => new LessOrEqual()) { SinceVersion = 12, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply<T>(T left, T right) => left <= right;
}
