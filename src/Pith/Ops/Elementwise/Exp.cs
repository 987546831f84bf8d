namespace Pith.Ops;

/// <summary>ONNX Exp: e to the power of x.</summary>
public sealed record Exp : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Exp", _ => new Exp());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => value;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Exp(x);
}
