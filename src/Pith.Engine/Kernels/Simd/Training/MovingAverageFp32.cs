using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>
/// Exponential moving average: average += share * (value - average). Differences, products and sums are rounded one by one, so the result has the bits of the plain loop on every instruction set.
/// </summary>
internal static unsafe class MovingAverageFp32
{
    /// <summary>Moves <paramref name="average"/> towards <paramref name="values"/>, which is as long.</summary>
    public static void Update(Span<float> average, ReadOnlySpan<float> values, float share, CpuFeatures isa)
    {
        values = values[..average.Length];
        fixed (float* a = average, v = values)
        {
            switch (isa.Fp32Lanes)
            {
                case 16: Update<Vec512>(a, v, average.Length, share); break;
                case 8: Update<Vec256>(a, v, average.Length, share); break;
                default: Update<Vec128>(a, v, average.Length, share); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Update<V>(float* averages, float* values, int count, float share) where V : struct, IVec<V>
    {
        V factor = V.Broadcast(share);
        for (var i = 0; i < count; i += V.Count)
        {
            var valid = count - i;
            V average = Lanes<V>.Load(averages + i, valid);
            Lanes<V>.Store(averages + i, valid, average + factor * (Lanes<V>.Load(values + i, valid) - average));
        }
    }
}
