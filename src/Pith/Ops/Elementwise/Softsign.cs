namespace Pith.Ops;

/// <summary>ONNX Softsign: x / (1 + |x|).</summary>
public sealed record Softsign : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Softsign", _ => new Softsign());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => 1 / ((1 + Math.Abs(value)) * (1 + Math.Abs(value)));

    /// <inheritdoc/>
    protected override double Apply(double x) => x / (1 + Math.Abs(x));
}
