using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>
/// Operands of an element-wise function with broadcasting over up to four axes, outermost first. The result is dense; an operand has stride 0 along the axes that it is broadcast over.
/// </summary>
internal unsafe struct BroadcastLoop
{
    /// <summary>The most axes; neighbouring axes that all operands run through together count as one.</summary>
    public const int MaxAxes = 4;

    public float* X;
    public float* Y;
    public float* Out;

    /// <summary>First constant of the function.</summary>
    public float A;

    /// <summary>Second constant of the function.</summary>
    public float B;

    /// <summary>Sizes of the axes; unused ones come first and are 1.</summary>
    public fixed long Sizes[MaxAxes];

    /// <summary>Floats of X between neighbours along an axis; 0 or 1 on the last.</summary>
    public fixed long StridesX[MaxAxes];

    /// <summary>Floats of Y between neighbours along an axis; 0 or 1 on the last.</summary>
    public fixed long StridesY[MaxAxes];

    /// <summary>Elements of the result.</summary>
    public readonly long Length => Sizes[0] * Sizes[1] * Sizes[2] * Sizes[3];
}

/// <summary>Runs a <see cref="BroadcastLoop"/>.</summary>
internal static unsafe class BroadcastLoop<TFunction> where TFunction : struct, IPairFunction
{
    /// <summary>Computes elements [<paramref name="begin"/>, <paramref name="end"/>) of the result.</summary>
    public static void Run(BroadcastLoop* loop, CpuFeatures isa, long begin, long end)
    {
        switch (isa.Fp32Lanes)
        {
            case 16: Rows<Vec512>(loop, begin, end); break;
            case 8: Rows<Vec256>(loop, begin, end); break;
            default: Rows<Vec128>(loop, begin, end); break;
        }
    }

    private static void Rows<V>(BroadcastLoop* loop, long begin, long end) where V : struct, IVec<V>
    {
        var (inner, stepX, stepY) = (loop->Sizes[3], loop->StridesX[3], loop->StridesY[3]);
        while (begin < end)
        {
            var (row, column) = Math.DivRem(begin, inner);
            var (i1, i2) = Math.DivRem(row, loop->Sizes[2]);
            var (i0, middle) = Math.DivRem(i1, loop->Sizes[1]);
            var x = loop->X + i0 * loop->StridesX[0] + middle * loop->StridesX[1] + i2 * loop->StridesX[2] + column * stepX;
            var y = loop->Y + i0 * loop->StridesY[0] + middle * loop->StridesY[1] + i2 * loop->StridesY[2] + column * stepY;
            var count = Math.Min(inner - column, end - begin);
            if (stepX == 0) BroadcastX<V>(loop, *x, y, stepY, loop->Out + begin, count);
            else if (stepY == 0) BroadcastY<V>(loop, x, *y, loop->Out + begin, count);
            else Dense<V>(loop, x, y, loop->Out + begin, count);
            begin += count;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dense<V>(BroadcastLoop* loop, float* x, float* y, float* to, long count) where V : struct, IVec<V>
    {
        V a = V.Broadcast(loop->A), b = V.Broadcast(loop->B);
        for (; count >= V.Count; count -= V.Count, x += V.Count, y += V.Count, to += V.Count) V.Store(to, TFunction.Apply(V.Load(x), V.Load(y), a, b));
        if (count > 0) V.StorePartial(to, (int)count, TFunction.Apply(V.LoadPartial(x, (int)count), V.LoadPartial(y, (int)count), a, b));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BroadcastX<V>(BroadcastLoop* loop, float value, float* y, long stepY, float* to, long count) where V : struct, IVec<V>
    {
        V a = V.Broadcast(loop->A), b = V.Broadcast(loop->B), x = V.Broadcast(value), only = V.Broadcast(*y);
        for (; count >= V.Count; count -= V.Count, y += V.Count * stepY, to += V.Count) V.Store(to, TFunction.Apply(x, stepY == 0 ? only : V.Load(y), a, b));
        if (count > 0) V.StorePartial(to, (int)count, TFunction.Apply(x, stepY == 0 ? only : V.LoadPartial(y, (int)count), a, b));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BroadcastY<V>(BroadcastLoop* loop, float* x, float value, float* to, long count) where V : struct, IVec<V>
    {
        V a = V.Broadcast(loop->A), b = V.Broadcast(loop->B), y = V.Broadcast(value);
        for (; count >= V.Count; count -= V.Count, x += V.Count, to += V.Count) V.Store(to, TFunction.Apply(V.Load(x), y, a, b));
        if (count > 0) V.StorePartial(to, (int)count, TFunction.Apply(V.LoadPartial(x, (int)count), y, a, b));
    }
}
