namespace Pith.Ops;

/// <summary>ONNX LeakyRelu: x, or alpha · x below 0.</summary>
/// <param name="Alpha">The slope below 0.</param>
public sealed record LeakyRelu(float Alpha = 0.01f) : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LeakyRelu", reader => new LeakyRelu(reader.Float("alpha", 0.01f)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => value < 0 ? Alpha : 1;

    /// <inheritdoc/>
    protected override double Apply(double x) => x < 0 ? Alpha * x : x;

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Float("alpha", Alpha);
}
