using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Elementary functions over any vector width. The same operations in the same order, hence the same bits, wherever FMA exists.</summary>
internal static class VecMath<V> where V : struct, IVec<V>
{
    /// <summary>e^x to within 2 units in the last place; infinity above 88.72, 0 below -104; NaN stays.</summary>
    /// <remarks>x = n ln 2 + r with |r| &lt;= ln 2 / 2; e^r by its Taylor polynomial of degree 7 (remainder below 2^-27).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp(V x)
    {
        x = V.Min(V.Broadcast(105), V.Max(V.Broadcast(-105), x));
        V n = V.Round(x * V.Broadcast(1.44269504f));
        // ln 2 in two parts: n times the first is exact.
        V r = V.MultiplyAdd(n, V.Broadcast(-0.693359375f), x);
        r = V.MultiplyAdd(n, V.Broadcast(2.12194440e-4f), r);
        V p = V.Broadcast(1 / 5040f);
        p = V.MultiplyAdd(p, r, V.Broadcast(1 / 720f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1 / 120f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1 / 24f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1 / 6f));
        p = V.MultiplyAdd(p, r, V.Broadcast(0.5f));
        p = V.MultiplyAdd(p, r, V.Broadcast(1));
        p = V.MultiplyAdd(p, r, V.Broadcast(1));
        // Two factors, so that neither leaves the range of normal exponents.
        V half = V.Round(n * V.Broadcast(0.5f));
        return p * V.PowerOfTwo(half) * V.PowerOfTwo(n - half);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid(V x) => V.Broadcast(1) / (V.Broadcast(1) + Exp(V.Zero - x));

    /// <summary>tanh x, absolute error below 3e-7, relative error small near 0.</summary>
    /// <remarks>Odd Taylor polynomial for |x| &lt; 0.4, else 1 - 2 / (e^2|x| + 1) with the sign of x.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh(V x)
    {
        V size = V.Abs(x);
        V large = V.Broadcast(1) - V.Broadcast(2) / (Exp(size + size) + V.Broadcast(1));
        V square = x * x;
        V p = V.Broadcast(-1382 / 155925f);
        p = V.MultiplyAdd(p, square, V.Broadcast(62 / 2835f));
        p = V.MultiplyAdd(p, square, V.Broadcast(-17 / 315f));
        p = V.MultiplyAdd(p, square, V.Broadcast(2 / 15f));
        p = V.MultiplyAdd(p, square, V.Broadcast(-1 / 3f));
        V small = V.MultiplyAdd(p * square, x, x);
        return V.SelectGreater(V.Broadcast(0.4f), size, small, V.CopySign(large, x));
    }

    /// <summary>ln(1 + e^x), to within 3 units in the last place.</summary>
    /// <remarks>max(x, 0) + ln(1 + t) with t = e^-|x|; ln(1 + t) = 2 artanh(s) with s = t / (2 + t) of at most 1/3, by its series up to s^15 (remainder below 2^-28).</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Softplus(V x)
    {
        V t = Exp(V.Zero - V.Abs(x));
        V s = t / (V.Broadcast(2) + t);
        V square = s * s;
        V p = V.Broadcast(1 / 15f);
        p = V.MultiplyAdd(p, square, V.Broadcast(1 / 13f));
        p = V.MultiplyAdd(p, square, V.Broadcast(1 / 11f));
        p = V.MultiplyAdd(p, square, V.Broadcast(1 / 9f));
        p = V.MultiplyAdd(p, square, V.Broadcast(1 / 7f));
        p = V.MultiplyAdd(p, square, V.Broadcast(1 / 5f));
        p = V.MultiplyAdd(p, square, V.Broadcast(1 / 3f));
        V half = V.MultiplyAdd(p * square, s, s);
        return V.Max(V.Zero, x) + half + half;
    }

    /// <summary>The error function, absolute error below 5e-7 (Abramowitz and Stegun, 7.1.26).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Erf(V x)
    {
        V size = V.Abs(x);
        V t = V.Broadcast(1) / V.MultiplyAdd(V.Broadcast(0.3275911f), size, V.Broadcast(1));
        V p = V.Broadcast(1.061405429f);
        p = V.MultiplyAdd(p, t, V.Broadcast(-1.453152027f));
        p = V.MultiplyAdd(p, t, V.Broadcast(1.421413741f));
        p = V.MultiplyAdd(p, t, V.Broadcast(-0.284496736f));
        p = V.MultiplyAdd(p, t, V.Broadcast(0.254829592f));
        V tail = p * t * Exp(V.Zero - size * size);
        return V.CopySign(V.Broadcast(1) - tail, x);
    }
}
