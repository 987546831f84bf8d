namespace Pith.Kernels.Reference;

/// <summary>The functions of <see cref="ActivationKind"/> in double precision: what the vector versions are tested against.</summary>
internal static class ActivationReference
{
    /// <summary>f(x).</summary>
    public static double Apply(in Activation activation, double x)
    {
        double a = activation.A, b = activation.B;
        return activation.Kind switch
        {
            ActivationKind.None => x,
            ActivationKind.Relu => Math.Max(x, 0),
            ActivationKind.Clip => Math.Min(Math.Max(x, a), b),
            ActivationKind.LeakyRelu => x >= 0 ? x : a * x,
            ActivationKind.Elu => x >= 0 ? x : a * (Math.Exp(x) - 1),
            ActivationKind.Sigmoid => Sigmoid(x),
            ActivationKind.HardSigmoid => Math.Clamp(a * x + b, 0, 1),
            ActivationKind.Tanh => Math.Tanh(x),
            ActivationKind.Silu => x * Sigmoid(x),
            ActivationKind.HardSwish => x * Math.Clamp(x / 6 + 0.5, 0, 1),
            ActivationKind.Gelu => x * NormalCdf(x),
            ActivationKind.GeluTanh => x * Sigmoid(Math.Sqrt(8 / Math.PI) * (x + 0.044715 * x * x * x)),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation.Kind, "Not an activation."),
        };
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double NormalCdf(double x) => (1 + Erf(x / Math.Sqrt(2))) / 2;

    /// <summary>The error function: its power series up to |x| = 3, its continued fraction beyond.</summary>
    private static double Erf(double x)
    {
        var size = Math.Abs(x);
        if (size > 6) return Math.CopySign(1, x);
        if (size <= 3)
        {
            double term = x, sum = x;
            for (var n = 1; n < 80; n++)
            {
                term *= -x * x / n;
                sum += term / (2 * n + 1);
            }
            return 2 / Math.Sqrt(Math.PI) * sum;
        }
        double fraction = size;
        for (var n = 60; n > 0; n--) fraction = size + n / 2.0 / fraction;
        return Math.CopySign(1, x) * (1 - Math.Exp(-x * x) / (fraction * Math.Sqrt(Math.PI)));
    }
}
