namespace Pith.Ops;

/// <summary>ONNX ThresholdedRelu: x above alpha, else 0.</summary>
/// <param name="Alpha">The threshold.</param>
public sealed record ThresholdedRelu(float Alpha = 1f) : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ThresholdedRelu", reader => new ThresholdedRelu(reader.Float("alpha", 1f))) { SinceVersion = 10 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => value > Alpha ? 1 : 0;

    /// <inheritdoc/>
    // A NaN comes through as NaN.
    protected override double Apply(double x) => x <= Alpha ? 0 : x;

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("alpha", Alpha);
}
