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
            ActivationKind.Clip => Math.Min(Math.Max(x, a), b),
            ActivationKind.LeakyRelu => x >= 0 ? x : a * x,
            ActivationKind.Elu => x >= 0 ? x : a * (Math.Exp(x) - 1),
            ActivationKind.Sigmoid => Sigmoid(x),
            ActivationKind.HardSigmoid => Math.Clamp(a * x + b, 0, 1),
            ActivationKind.Tanh => Math.Tanh(x),
            ActivationKind.Silu => x * Sigmoid(x),
            ActivationKind.HardSwish => x * Math.Clamp(x / 6 + 0.5, 0, 1),
            ActivationKind.Gelu => x * NormalCdf(x),
            _ => throw new ArgumentOutOfRangeException(nameof(activation), activation.Kind, "Not an activation."),
        };
    }

    /// <summary>f'(x); at a kink the smaller of the two slopes, as <see cref="Simd.IActivation"/> has it.</summary>
    public static double Derivative(in Activation activation, double x)
    {
        double a = activation.A, b = activation.B;
        switch (activation.Kind)
        {
            case ActivationKind.None: return 1;
            case ActivationKind.Clip: return x > a && x < b ? 1 : 0;
            case ActivationKind.LeakyRelu: return x > 0 ? 1 : a;
            case ActivationKind.Elu: return x > 0 ? 1 : a * Math.Exp(x);
            case ActivationKind.Sigmoid: return Sigmoid(x) * (1 - Sigmoid(x));
            case ActivationKind.HardSigmoid: return a * x + b is > 0 and < 1 ? a : 0;
            case ActivationKind.Tanh: return 1 - Math.Tanh(x) * Math.Tanh(x);
            case ActivationKind.Silu: return Sigmoid(x) * (1 + x * (1 - Sigmoid(x)));
            case ActivationKind.HardSwish: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5;
            case ActivationKind.Gelu: return NormalCdf(x) + x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
            default: throw new ArgumentOutOfRangeException(nameof(activation), activation.Kind, "Not an activation.");
        }
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double NormalCdf(double x) => (1 + Erf(x / Math.Sqrt(2))) / 2;

    /// <summary>The error function: its power series up to |x| = 3, its continued fraction beyond.</summary>
    private static double Erf(double x)
    {
        var size = Math.Abs(x);
        if (size > 6) return Math.Sign(x);
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
        return Math.Sign(x) * (1 - Math.Exp(-x * x) / (fraction * Math.Sqrt(Math.PI)));
    }
}
