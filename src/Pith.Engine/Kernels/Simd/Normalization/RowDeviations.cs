using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>The sums of x - center and of its square along a row; the first is near zero if the center is the rounded mean.</summary>
internal static unsafe class RowDeviations<V> where V : struct, IVec<V>
{
    /// <summary>Of <paramref name="columns"/> floats, in float over the lanes of two vectors each, which are joined in double precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static (double Deviations, double Squares) Of(float* x, int columns, float mean)
    {
        V center = V.Broadcast(mean), sum0 = V.Zero, sum1 = V.Zero, squares0 = V.Zero, squares1 = V.Zero;
        var i = 0;
        for (; i <= columns - 2 * V.Count; i += 2 * V.Count)
        {
            V first = V.Load(x + i) - center, second = V.Load(x + i + V.Count) - center;
            sum0 += first;
            sum1 += second;
            squares0 = V.MultiplyAdd(first, first, squares0);
            squares1 = V.MultiplyAdd(second, second, squares1);
        }
        float* means = stackalloc float[V.Count];
        V.Store(means, center);
        for (; i < columns; i += V.Count)
        {
            // Lanes after the row's end are 0 - 0.
            var valid = Math.Min(V.Count, columns - i);
            V deviation = V.LoadPartial(x + i, valid) - V.LoadPartial(means, valid);
            sum0 += deviation;
            squares0 = V.MultiplyAdd(deviation, deviation, squares0);
        }
        return (RowSum<V>.OfLanes(sum0 + sum1), RowSum<V>.OfLanes(squares0 + squares1));
    }
}
