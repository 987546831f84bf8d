namespace Pith.Ops;

/// <summary>ONNX Tanh: the hyperbolic tangent.</summary>
public sealed record Tanh : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Tanh", _ => new Tanh());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => 1 - value * value;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Tanh(x);
}
