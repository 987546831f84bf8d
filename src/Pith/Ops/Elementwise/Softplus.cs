namespace Pith.Ops;

/// <summary>ONNX Softplus: ln(1 + e^x), computed without overflow.</summary>
public sealed record Softplus : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Softplus", _ => new Softplus());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => Sigmoid.Of(value);

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
}
