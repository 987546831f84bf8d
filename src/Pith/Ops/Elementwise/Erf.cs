namespace Pith.Ops;

/// <summary>ONNX Erf: the error function.</summary>
public sealed record Erf : DifferentiableOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Erf", _ => new Erf()) { SinceVersion = 9 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override double Derivative(double value) => 2 / Math.Sqrt(Math.PI) * Math.Exp(-value * value);

    /// <inheritdoc/>
    protected override double Apply(double x) => Of(x);

    // Abramowitz and Stegun 7.1.6: erf x = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)). All terms have one sign, so nothing cancels.
    internal static double Of(double x)
    {
        // Beyond 6 the distance to ±1 is below double precision.
        if (Math.Abs(x) > 6) return Math.CopySign(1, x);
        if (double.IsNaN(x)) return x;
        double term = x, sum = x;
        for (var odd = 3; Math.Abs(term) > 1e-17 * Math.Abs(sum); odd += 2)
        {
            term *= 2 * x * x / odd;
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
