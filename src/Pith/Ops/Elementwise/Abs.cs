namespace Pith.Ops;

/// <summary>ONNX Abs: |x|.</summary>
public sealed record Abs : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Abs", _ => new Abs());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => double.IsNaN(value) ? value : Math.Sign(value);

    /// <inheritdoc/>
    protected override bool IsDefinedFor(DataType type) => IsFloatOrInteger(type);

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Abs(x);

    /// <inheritdoc/>
    protected override long Apply(long x) => x < 0 ? unchecked(-x) : x;
}
