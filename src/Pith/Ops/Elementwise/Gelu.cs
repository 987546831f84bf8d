namespace Pith.Ops;

/// <summary>ONNX Gelu: x · Φ(x) with Φ the normal distribution function, or its tanh approximation (Hendrycks and Gimpel 2016).</summary>
/// <param name="TanhApproximation">True for x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).</param>
public sealed record Gelu(bool TanhApproximation = false) : DifferentiableOp
{
    private const double Cubic = 0.044715;
    private static readonly double s_scale = Math.Sqrt(2 / Math.PI);

    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Gelu", reader => reader.Text("approximate", "none") switch
    {
        "none" => new Gelu(),
        "tanh" => new Gelu(TanhApproximation: true),
        var other => throw reader.Error($"attribute 'approximate' should be 'none' or 'tanh', got '{other}'"),
    })
    { SinceVersion = 20 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value)
    {
        if (!TanhApproximation) return Phi(value) + value * Math.Exp(-value * value / 2) / Math.Sqrt(2 * Math.PI);
        var tanh = Math.Tanh(Inner(value));
        return (1 + tanh) / 2 + value / 2 * (1 - tanh * tanh) * s_scale * (1 + 3 * Cubic * value * value);
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Text("approximate", TanhApproximation ? "tanh" : "none");

    /// <inheritdoc/>
    protected override double Apply(double x) => TanhApproximation ? x / 2 * (1 + Math.Tanh(Inner(x))) : x * Phi(x);

    private static double Phi(double x) => (1 + Erf.Of(x / Math.Sqrt(2))) / 2;

    private static double Inner(double x) => s_scale * (x + Cubic * x * x * x);
}
