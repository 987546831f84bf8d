namespace Pith.Ops;

/// <summary>ONNX HardSigmoid: alpha · x + beta, clipped to [0, 1].</summary>
/// <param name="Alpha">The slope; PyTorch's is 1/6.</param>
/// <param name="Beta">The value at 0.</param>
public sealed record HardSigmoid(float Alpha = 0.2f, float Beta = 0.5f) : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("HardSigmoid", reader => new HardSigmoid(reader.Float("alpha", 0.2f), reader.Float("beta", 0.5f)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override bool DerivativeReadsOutput => true;

    /// <inheritdoc/>
    public override double Derivative(double value) => value is > 0 and < 1 ? Alpha : 0;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Clamp(Alpha * x + Beta, 0, 1);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Float("alpha", Alpha);
        writer.Float("beta", Beta);
    }
}
