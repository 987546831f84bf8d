namespace Pith.Ops;

/// <summary>ONNX Relu: max(x, 0).</summary>
public sealed record Relu : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Relu", _ => new Relu());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => value > 0 ? 1 : 0;

    /// <inheritdoc/>
    protected override bool IsDefinedFor(DataType type) => IsFloatOrInteger(type);

    /// <inheritdoc/>
    // Not Math.Max: a NaN must come through as NaN.
    protected override double Apply(double x) => x < 0 ? 0 : x;

    /// <inheritdoc/>
    protected override long Apply(long x) => x < 0 ? 0 : x;
}
