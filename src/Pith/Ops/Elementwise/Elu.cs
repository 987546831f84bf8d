namespace Pith.Ops;

/// <summary>ONNX Elu: x, or alpha · (e^x - 1) below 0.</summary>
/// <param name="Alpha">The limit for very negative x, negated.</param>
public sealed record Elu(float Alpha = 1f) : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Elu", reader => new Elu(reader.Float("alpha", 1f)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => value < 0 ? Alpha * Math.Exp(value) : 1;

    /// <inheritdoc/>
    protected override double Apply(double x) => x < 0 ? Alpha * (Math.Exp(x) - 1) : x;

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("alpha", Alpha);
}
