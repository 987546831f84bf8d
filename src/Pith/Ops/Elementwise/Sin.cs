namespace Pith.Ops;

/// <summary>ONNX Sin: the sine.</summary>
public sealed record Sin : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Sin", _ => new Sin()) { SinceVersion = 7 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => Math.Cos(value);

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Sin(x);
}
