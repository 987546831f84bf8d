using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>-x.</summary>
internal readonly struct NegFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x * V.Broadcast(-1);
}

/// <summary>|x|.</summary>
internal readonly struct AbsFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.Abs(x);
}

/// <summary>1 / x.</summary>
internal readonly struct ReciprocalFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.Broadcast(1) / x;
}

/// <summary>The larger of x and y; NaN when either is.</summary>
internal readonly struct MaxFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.SelectGreaterOrEqual(x, x, V.Max(x, y), x);
}

/// <summary>The smaller of x and y; NaN when either is.</summary>
internal readonly struct MinFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.SelectGreaterOrEqual(x, x, V.Min(x, y), x);
}

/// <summary>x / (1 + |x|).</summary>
internal readonly struct SoftsignFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x / (V.Broadcast(1) + V.Abs(x));
}

/// <summary>x above a, else 0; NaN stays.</summary>
internal readonly struct ThresholdedReluFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.SelectGreaterOrEqual(a, x, V.Zero, x);
}

/// <summary>b * x from 0 on, else a * (e^x - 1): a is Selu's gamma * alpha.</summary>
internal readonly struct SeluFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.SelectGreater(V.Zero, x, a * (VecMath<V>.Exp(x) - V.Broadcast(1)), b * x);
}

/// <summary>x from 0 on, else a * (e^(x / a) - 1).</summary>
internal readonly struct CeluFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.SelectGreater(V.Zero, x, a * (VecMath<V>.Exp(x / a) - V.Broadcast(1)), x);
}

/// <summary>ln(1 + e^x).</summary>
internal readonly struct SoftplusFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => VecMath<V>.Softplus(x);
}

/// <summary>x * tanh(ln(1 + e^x)).</summary>
internal readonly struct MishFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x * VecMath<V>.Tanh(VecMath<V>.Softplus(x));
}
