using System.Runtime.CompilerServices;
using Pith.Kernels.Int8;

namespace Pith.Kernels;

/// <summary>Activations in INT8 epilogues, as fixed sequences of single operations so that every instruction set gives the same bits.</summary>
internal static class Int8Activation
{
    /// <summary>Whether an INT8 layer can apply the activation itself.</summary>
    public static bool IsSupported(ActivationKind kind) => kind is ActivationKind.None or ActivationKind.Clip or ActivationKind.LeakyRelu
        or ActivationKind.Sigmoid or ActivationKind.HardSigmoid or ActivationKind.Silu or ActivationKind.HardSwish;

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
        _ => throw new InvalidOperationException($"Activation {kind} has no INT8 form."),
    };

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
