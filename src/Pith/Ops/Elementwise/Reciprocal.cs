namespace Pith.Ops;

/// <summary>ONNX Reciprocal: 1 / x.</summary>
public sealed record Reciprocal : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Reciprocal", _ => new Reciprocal());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => -value * value;

    /// <inheritdoc/>
    protected override double Apply(double x) => 1 / x;
}
