namespace Pith.Ops;

/// <summary>ONNX Sqrt: the square root; NaN below 0.</summary>
public sealed record Sqrt : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Sqrt", _ => new Sqrt());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => 0.5 / value;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Sqrt(x);
}
