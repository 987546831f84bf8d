using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>What attention does to rows beside its products: quantization to integers, which stay floats, and their scales.</summary>
/// <typeparam name="V">The vector.</typeparam>
internal static unsafe class AttentionFp32<V> where V : struct, IVec<V>
{
    /// <summary>
    /// y = round(x * factor / scale), clamped, as integers without zero point; with a scale of 0, y = x * factor. The operands may be the same.
    /// </summary>
    /// <param name="x">The elements.</param>
    /// <param name="y">The results.</param>
    /// <param name="count">How many.</param>
    /// <param name="factor">Multiplied first.</param>
    /// <param name="scale">The quantization's scale, or 0.</param>
    /// <param name="lowest">The smallest integer minus the zero point.</param>
    /// <param name="highest">The largest integer minus the zero point.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize(float* x, float* y, int count, float factor, float scale, float lowest, float highest)
    {
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) V.Store(y + i, Step(V.Load(x + i), factor, scale, lowest, highest));
        if (i < count) V.StorePartial(y + i, count - i, Step(V.LoadPartial(x + i, count - i), factor, scale, lowest, highest));
    }

    /// <summary>y = x * factor + mask; no mask when that is null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* x, int count, float factor, float* mask)
    {
        V by = V.Broadcast(factor);
        var i = 0;
        for (; i <= count - V.Count; i += V.Count)
        {
            V scaled = V.Load(x + i) * by;
            V.Store(x + i, mask == null ? scaled : scaled + V.Load(mask + i));
        }
        if (i == count) return;
        V last = V.LoadPartial(x + i, count - i) * by;
        V.StorePartial(x + i, count - i, mask == null ? last : last + V.LoadPartial(mask + i, count - i));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Step(V x, float factor, float scale, float lowest, float highest)
    {
        x *= V.Broadcast(factor);
        // A NaN becomes the smallest integer.
        return scale == 0 ? x : V.Min(V.Broadcast(highest), V.Max(V.Round(x / V.Broadcast(scale)), V.Broadcast(lowest)));
    }
}
