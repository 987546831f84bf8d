namespace Pith.Ops;

/// <summary>ONNX Sigmoid: 1 / (1 + e^-x).</summary>
public sealed record Sigmoid : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Sigmoid", _ => new Sigmoid());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => value * (1 - value);

    /// <inheritdoc/>
    protected override double Apply(double x) => Of(x);

    internal static double Of(double x) => 1 / (1 + Math.Exp(-x));
}
