using System.Runtime.CompilerServices;
using Pith.Kernels.Int8;

namespace Pith.Kernels;

/// <summary>Activations in INT8 epilogues, as fixed sequences of single operations so that every instruction set gives the same bits.</summary>
internal static class Int8Activation
{
    /// <summary>Of GELU's tail: where it is nothing, and what |x| is multiplied by.</summary>
    public const float LargestTail = 12, TailInput = 0.23164189f;

    /// <summary>Of the tanh form: (1 + tanh z) / 2 = sigmoid(2 z) with 2 z = x (linear + cubic x^2).</summary>
    public const float GeluLinear = 1.5957691f, GeluCubic = 0.07135481f;

    /// <summary>Half of 1 - erf(a / sqrt 2) is t (c4 + t (c3 + ...)) e^(-a^2 / 2) with t = 1 / (1 + 0.3275911 a / sqrt 2) (Abramowitz and Stegun, 7.1.26), highest power first.</summary>
    public static ReadOnlySpan<float> TailCoefficients => [0.5307027f, -0.72657603f, 0.7107069f, -0.14224836f, 0.1274148f];

    /// <summary>Whether an INT8 layer can apply the activation itself.</summary>
    public static bool IsSupported(ActivationKind kind) => kind is ActivationKind.None or ActivationKind.Clip or ActivationKind.LeakyRelu
        or ActivationKind.Sigmoid or ActivationKind.HardSigmoid or ActivationKind.Silu or ActivationKind.HardSwish or ActivationKind.Gelu or ActivationKind.GeluTanh;

    /// <summary>One value.</summary>
    public static float Apply(Activation activation, float x) => Apply(activation.Kind, new ScalarLane(x), new ScalarLane(activation.A), new ScalarLane(activation.B)).Value;

    /// <summary>Some lanes; <paramref name="kind"/> is the same for a whole layer, so the switch predicts perfectly.</summary>
    /// <exception cref="InvalidOperationException">The activation is not one of <see cref="IsSupported"/>.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Apply<T>(ActivationKind kind, T x, T a, T b) where T : struct, ILanes<T> => kind switch
    {
        ActivationKind.None => x,
        ActivationKind.Clip => T.AtMost(T.AtLeast(x, a), b),
        _ => ApplyOther(kind, x, a, b),
    };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static T ApplyOther<T>(ActivationKind kind, T x, T a, T b) where T : struct, ILanes<T> => kind switch
    {
        ActivationKind.LeakyRelu => T.SelectNegative(x, x * a, x),
        ActivationKind.Sigmoid => Sigmoid(x),
        ActivationKind.Silu => x * Sigmoid(x),
        ActivationKind.HardSigmoid => Unit(x * a + b),
        ActivationKind.HardSwish => x * Unit(x / T.Broadcast(6) + T.Broadcast(0.5f)),
        ActivationKind.Gelu => Gelu(x),
        ActivationKind.GeluTanh => x * Sigmoid((x * x * T.Broadcast(GeluCubic) + T.Broadcast(GeluLinear)) * x),
        _ => throw new InvalidOperationException($"Activation {kind} has no INT8 form."),
    };

    // max(x, 0) - a (1 - erf(a / sqrt 2)) / 2 with a = |x|, of at most 12.
    private static T Gelu<T>(T x) where T : struct, ILanes<T>
    {
        var a = T.AtMost(T.SelectNegative(x, T.Broadcast(0) - x, x), T.Broadcast(LargestTail));
        var e = Exp(T.Broadcast(0) - a * a * T.Broadcast(0.5f));
        var t = T.Broadcast(1) / (a * T.Broadcast(TailInput) + T.Broadcast(1));
        var p = t * T.Broadcast(TailCoefficients[0]);
        for (var i = 1; i < TailCoefficients.Length; i++) p = (p + T.Broadcast(TailCoefficients[i])) * t;
        return T.AtLeast(x, T.Broadcast(0)) - a * (p * e);
    }

    private static T Unit<T>(T x) where T : struct, ILanes<T> => T.AtMost(T.AtLeast(x, T.Broadcast(0)), T.Broadcast(1));

    private static T Sigmoid<T>(T x) where T : struct, ILanes<T> => T.Broadcast(1) / (T.Broadcast(1) + Exp(T.Broadcast(0) - x));

    /// <summary>e^x to about 2 units in the last place for |x| &lt;= 87, clamped there: x = n ln 2 + r, and e^r by its Taylor polynomial of degree 7.</summary>
    private static T Exp<T>(T x) where T : struct, ILanes<T>
    {
        x = T.AtMost(T.AtLeast(x, T.Broadcast(-87)), T.Broadcast(87));
        var n = T.Round(x * T.Broadcast(1.44269504f));
        // ln 2 in two parts: n times the first is exact.
        var r = x - n * T.Broadcast(0.693359375f) + n * T.Broadcast(2.12194440e-4f);
        var p = T.Broadcast(1 / 5040f);
        p = p * r + T.Broadcast(1 / 720f);
        p = p * r + T.Broadcast(1 / 120f);
        p = p * r + T.Broadcast(1 / 24f);
        p = p * r + T.Broadcast(1 / 6f);
        p = p * r + T.Broadcast(0.5f);
        p = p * r + T.Broadcast(1);
        p = p * r + T.Broadcast(1);
        return p * T.PowerOfTwo(n);
    }
}
