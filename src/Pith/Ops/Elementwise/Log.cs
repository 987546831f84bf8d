namespace Pith.Ops;

/// <summary>ONNX Log: the natural logarithm.</summary>
public sealed record Log : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Log", _ => new Log());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => 1 / value;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Log(x);
}
