namespace Pith.Ops;

/// <summary>ONNX HardSwish: x · clip(x/6 + 1/2, 0, 1) (Howard et al. 2019, MobileNetV3).</summary>
public sealed record HardSwish : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("HardSwish", _ => new HardSwish()) { SinceVersion = 14 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => value <= -3 ? 0 : value >= 3 ? 1 : value / 3 + 0.5;

    /// <inheritdoc/>
    protected override double Apply(double x) => x * Math.Clamp(x / 6 + 0.5, 0, 1);
}
