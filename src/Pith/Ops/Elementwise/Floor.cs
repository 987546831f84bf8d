namespace Pith.Ops;

/// <summary>ONNX Floor: rounds down.</summary>
public sealed record Floor : UnaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Floor", _ => new Floor());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Floor(x);
}
