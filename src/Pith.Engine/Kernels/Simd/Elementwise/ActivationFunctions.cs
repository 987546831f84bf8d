using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>One <see cref="ActivationKind"/>: the function and its gradient. Compiled into the loops that use it.</summary>
internal interface IActivation
{
    /// <summary>f(x) with the constants of <see cref="Activation"/>.</summary>
    static abstract V Apply<V>(V x, V a, V b) where V : struct, IVec<V>;

    /// <summary>
    /// dx = f'(x) * dy. <paramref name="value"/> is f(x) where <see cref="Pith.Ops.DifferentiableOp.DerivativeReadsOutput"/> says so for the op (Relu, Sigmoid,
    /// HardSigmoid, Tanh), else x; slopes at kinks are those of the op.
    /// </summary>
    static abstract V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V>;
}

internal readonly struct NoActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> => dy;
}

internal readonly struct ReluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => V.Max(V.Zero, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> => V.SelectGreater(value, V.Zero, dy, V.Zero);
}

internal readonly struct ClipActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => V.Min(b, V.Max(a, x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreater(value, a, V.SelectGreater(b, value, dy, V.Zero), V.Zero);
}

internal readonly struct LeakyReluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => V.SelectGreater(V.Zero, x, a * x, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> => V.SelectGreater(V.Zero, value, a * dy, dy);
}

internal readonly struct EluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreater(V.Zero, x, a * (VecMath<V>.Exp(x) - V.Broadcast(1)), x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreater(V.Zero, value, a * VecMath<V>.Exp(value) * dy, dy);
}

internal readonly struct SigmoidActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => VecMath<V>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> => value * (V.Broadcast(1) - value) * dy;
}

internal readonly struct HardSigmoidActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> =>
        V.Min(V.Broadcast(1), V.Max(V.Zero, V.MultiplyAdd(a, x, b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreater(value, V.Zero, V.SelectGreater(V.Broadcast(1), value, a * dy, V.Zero), V.Zero);
}

internal readonly struct TanhActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => VecMath<V>.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V> => (V.Broadcast(1) - value * value) * dy;
}

internal readonly struct SiluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x * VecMath<V>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V>
    {
        V s = VecMath<V>.Sigmoid(value);
        return s * V.MultiplyAdd(value, V.Broadcast(1) - s, V.Broadcast(1)) * dy;
    }
}

internal readonly struct HardSwishActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> =>
        x * V.Min(V.Broadcast(1), V.Max(V.Zero, V.MultiplyAdd(V.Broadcast(1 / 6f), x, V.Broadcast(0.5f))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V>
    {
        V slope = V.MultiplyAdd(value, V.Broadcast(1 / 3f), V.Broadcast(0.5f));
        V below3 = V.SelectGreaterOrEqual(value, V.Broadcast(3), dy, slope * dy);
        return V.SelectGreaterOrEqual(V.Broadcast(-3), value, V.Zero, below3);
    }
}

internal readonly struct GeluActivation : IActivation
{
    private const float InverseSqrt2 = 0.70710678f;
    private const float InverseSqrt2Pi = 0.39894228f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x * NormalCdf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V>
    {
        V density = V.Broadcast(InverseSqrt2Pi) * VecMath<V>.Exp(V.Broadcast(-0.5f) * value * value);
        return V.MultiplyAdd(value, density, NormalCdf(value)) * dy;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NormalCdf<V>(V x) where V : struct, IVec<V> =>
        V.MultiplyAdd(VecMath<V>.Erf(x * V.Broadcast(InverseSqrt2)), V.Broadcast(0.5f), V.Broadcast(0.5f));
}

internal readonly struct GeluTanhActivation : IActivation
{
    // (1 + tanh z) / 2 = sigmoid(2 z), with 2 z = x (Linear + Cubic x^2).
    private const float Linear = 1.5957691f;
    private const float Cubic = 0.07135481f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x * Gate(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gradient<V>(V value, V dy, V a, V b) where V : struct, IVec<V>
    {
        V s = Gate(value);
        V slope = value * V.MultiplyAdd(value * value, V.Broadcast(3 * Cubic), V.Broadcast(Linear));
        return V.MultiplyAdd(slope * s, V.Broadcast(1) - s, s) * dy;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Gate<V>(V x) where V : struct, IVec<V> => VecMath<V>.Sigmoid(x * V.MultiplyAdd(x * x, V.Broadcast(Cubic), V.Broadcast(Linear)));
}
