namespace Pith.Ops;

/// <summary>ONNX Selu: gamma · x, or gamma · alpha · (e^x - 1) at and below 0 (Klambauer et al. 2017, self-normalizing networks).</summary>
/// <param name="Alpha">The negative limit before scaling.</param>
/// <param name="Gamma">The scale of everything.</param>
public sealed record Selu(float Alpha = Selu.DefaultAlpha, float Gamma = Selu.DefaultGamma) : DifferentiableOp
{
    private const float DefaultAlpha = 1.67326319217681884765625f;
    private const float DefaultGamma = 1.05070102214813232421875f;

    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Selu", reader => new Selu(reader.Float("alpha", DefaultAlpha), reader.Float("gamma", DefaultGamma)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => value > 0 ? Gamma : Gamma * Alpha * Math.Exp(value);

    /// <inheritdoc/>
    protected override double Apply(double x) => x > 0 ? Gamma * x : Gamma * Alpha * (Math.Exp(x) - 1);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Float("alpha", Alpha);
        writer.Float("gamma", Gamma);
    }
}
