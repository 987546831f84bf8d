using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>A function of two floats and two constants, compiled into the loop that applies it. One of a single float ignores the second.</summary>
internal interface IPairFunction
{
    /// <summary>f(x, y) with the constants a and b.</summary>
    static abstract V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V>;
}

/// <summary>x + y.</summary>
internal readonly struct AddFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x + y;
}

/// <summary>x - y.</summary>
internal readonly struct SubFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x - y;
}

/// <summary>x * y.</summary>
internal readonly struct MulFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x * y;
}

/// <summary>x / y.</summary>
internal readonly struct DivFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x / y;
}

/// <summary>x, or x * y below 0.</summary>
internal readonly struct PReluFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.SelectGreater(V.Zero, x, x * y, x);
}

/// <summary>The error function of x, as <see cref="VecMath{V}.Erf"/> has it.</summary>
internal readonly struct ErfFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => VecMath<V>.Erf(x);
}

/// <summary>e^x.</summary>
internal readonly struct ExpFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => VecMath<V>.Exp(x);
}

/// <summary>The square root of x.</summary>
internal readonly struct SqrtFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => V.Sqrt(x);
}

/// <summary>x^2.</summary>
internal readonly struct SquareFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x * x;
}

/// <summary>x^3.</summary>
internal readonly struct CubeFunction : IPairFunction
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => x * x * x;
}

/// <summary>An activation of x.</summary>
internal readonly struct ActivationFunction<TActivation> : IPairFunction where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => TActivation.Apply(x, a, b);
}

/// <summary>The gradient of an activation: x is what it is computed from (see <see cref="IActivation.Gradient"/>), y the gradient of the result.</summary>
internal readonly struct GradientFunction<TActivation> : IPairFunction where TActivation : struct, IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply<V>(V x, V y, V a, V b) where V : struct, IVec<V> => TActivation.Gradient(x, y, a, b);
}
