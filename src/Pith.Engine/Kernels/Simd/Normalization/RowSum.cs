using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>The sum of a row: in float over the lanes of four vectors, which are joined in double precision.</summary>
internal static unsafe class RowSum<V> where V : struct, IVec<V>
{
    /// <summary>Sums <paramref name="count"/> floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Of(float* x, int count)
    {
        V sum0 = V.Zero, sum1 = V.Zero, sum2 = V.Zero, sum3 = V.Zero;
        var i = 0;
        for (; i <= count - 4 * V.Count; i += 4 * V.Count)
        {
            sum0 += V.Load(x + i);
            sum1 += V.Load(x + i + V.Count);
            sum2 += V.Load(x + i + 2 * V.Count);
            sum3 += V.Load(x + i + 3 * V.Count);
        }
        for (; i < count; i += V.Count) sum0 += V.LoadPartial(x + i, Math.Min(V.Count, count - i));
        return OfLanes(sum0 + sum1 + (sum2 + sum3));
    }

    /// <summary>Sums the lanes of a vector.</summary>
    public static double OfLanes(V sums)
    {
        float* lanes = stackalloc float[V.Count];
        V.Store(lanes, sums);
        // Four sums side by side: one after the other, additions would wait for each other.
        double sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
        for (var lane = 0; lane < V.Count; lane += 4)
        {
            sum0 += lanes[lane];
            sum1 += lanes[lane + 1];
            sum2 += lanes[lane + 2];
            sum3 += lanes[lane + 3];
        }
        return sum0 + sum1 + (sum2 + sum3);
    }
}
