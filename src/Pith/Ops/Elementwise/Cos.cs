namespace Pith.Ops;

/// <summary>ONNX Cos: the cosine.</summary>
public sealed record Cos : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Cos", _ => new Cos()) { SinceVersion = 7 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => -Math.Sin(value);

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Cos(x);
}
