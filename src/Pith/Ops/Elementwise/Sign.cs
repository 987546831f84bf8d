namespace Pith.Ops;

/// <summary>ONNX Sign: -1, 0 or 1; NaN stays NaN.</summary>
public sealed record Sign : UnaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Sign", _ => new Sign()) { SinceVersion = 9 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool IsDefinedFor(DataType type) => IsFloatOrInteger(type);

    /// <inheritdoc/>
    protected override double Apply(double x) => x > 0 ? 1 : x < 0 ? -1 : x;

    /// <inheritdoc/>
    protected override long Apply(long x) => Math.Sign(x);
}
