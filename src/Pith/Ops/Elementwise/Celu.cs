namespace Pith.Ops;

/// <summary>ONNX Celu: max(0, x) + min(0, alpha · (e^(x/alpha) - 1)).</summary>
/// <param name="Alpha">The limit for very negative x, negated; not 0.</param>
public sealed record Celu(float Alpha = 1f) : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Celu", reader => new Celu(reader.Float("alpha", 1f))) { SinceVersion = 12 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => value < 0 ? Math.Exp(value / Alpha) : 1;

    /// <inheritdoc/>
    protected override double Apply(double x) => x < 0 ? Alpha * (Math.Exp(x / Alpha) - 1) : x;

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("alpha", Alpha);
}
