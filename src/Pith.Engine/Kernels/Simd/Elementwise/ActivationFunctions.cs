using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>One <see cref="ActivationKind"/>: the function and its derivative, both of the input x. Compiled into the loops that use it.</summary>
internal interface IActivation
{
    /// <summary>f(x) with the constants of <see cref="Activation"/>.</summary>
    static abstract V Apply<V>(V x, V a, V b) where V : struct, IVec<V>;

    /// <summary>f'(x); 0 on the flat side of every kink.</summary>
    static abstract V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>;
}

internal readonly struct NoActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V> => V.Broadcast(1);
}

internal readonly struct ClipActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => V.Min(b, V.Max(a, x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreater(x, a, V.SelectGreater(b, x, V.Broadcast(1), V.Zero), V.Zero);
}

internal readonly struct LeakyReluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => V.SelectGreaterOrEqual(x, V.Zero, x, a * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V> => V.SelectGreater(x, V.Zero, V.Broadcast(1), a);
}

internal readonly struct EluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreaterOrEqual(x, V.Zero, x, a * (VecMath<V>.Exp(x) - V.Broadcast(1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V> =>
        V.SelectGreater(x, V.Zero, V.Broadcast(1), a * VecMath<V>.Exp(x));
}

internal readonly struct SigmoidActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => VecMath<V>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>
    {
        V y = VecMath<V>.Sigmoid(x);
        return y * (V.Broadcast(1) - y);
    }
}

internal readonly struct HardSigmoidActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> =>
        V.Min(V.Broadcast(1), V.Max(V.Zero, V.MultiplyAdd(a, x, b)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>
    {
        V y = V.MultiplyAdd(a, x, b);
        return V.SelectGreater(y, V.Zero, V.SelectGreater(V.Broadcast(1), y, a, V.Zero), V.Zero);
    }
}

internal readonly struct TanhActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => VecMath<V>.Tanh(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>
    {
        V y = VecMath<V>.Tanh(x);
        return V.Broadcast(1) - y * y;
    }
}

internal readonly struct SiluActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x * VecMath<V>.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>
    {
        V s = VecMath<V>.Sigmoid(x);
        return s * V.MultiplyAdd(x, V.Broadcast(1) - s, V.Broadcast(1));
    }
}

internal readonly struct HardSwishActivation : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> =>
        x * V.Min(V.Broadcast(1), V.Max(V.Zero, V.MultiplyAdd(V.Broadcast(1 / 6f), x, V.Broadcast(0.5f))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>
    {
        V slope = V.MultiplyAdd(x, V.Broadcast(1 / 3f), V.Broadcast(0.5f));
        V below3 = V.SelectGreater(V.Broadcast(3), x, slope, V.Broadcast(1));
        return V.SelectGreater(x, V.Broadcast(-3), below3, V.Zero);
    }
}

internal readonly struct GeluActivation : IActivation
{
    private const float InverseSqrt2 = 0.70710678f;
    private const float InverseSqrt2Pi = 0.39894228f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V a, V b) where V : struct, IVec<V> => x * NormalCdf(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Derivative<V>(V x, V a, V b) where V : struct, IVec<V>
    {
        V density = V.Broadcast(InverseSqrt2Pi) * VecMath<V>.Exp(V.Broadcast(-0.5f) * x * x);
        return V.MultiplyAdd(x, density, NormalCdf(x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NormalCdf<V>(V x) where V : struct, IVec<V> =>
        V.MultiplyAdd(VecMath<V>.Erf(x * V.Broadcast(InverseSqrt2)), V.Broadcast(0.5f), V.Broadcast(0.5f));
}
