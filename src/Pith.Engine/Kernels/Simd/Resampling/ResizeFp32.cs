using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Separable resampling of float images, row by row of the result: first down the columns, then along the row.</summary>
internal static unsafe class ResizeFp32<V> where V : struct, IVec<V>
{
    /// <summary>A row of floats that is the weighted sum of rows of the input.</summary>
    /// <param name="x">The first row.</param>
    /// <param name="stride">Floats from row to row.</param>
    /// <param name="table">The axis of the rows.</param>
    /// <param name="y">The result's row.</param>
    /// <param name="to">[<paramref name="count"/>]</param>
    /// <param name="count">Floats of a row.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Down(float* x, nint stride, ResizeTable table, int y, float* to, int count)
    {
        float* first = x + table.Sources[y] * stride;
        V weight = V.Broadcast(table.Weights[y]);
        if (table.Taps == 2)
        {
            float* second = x + table.Sources[table.Length + y] * stride;
            V other = V.Broadcast(table.Weights[table.Length + y]);
            for (var i = 0; i < count; i += V.Count)
            {
                nint valid = count - i;
                Lanes<V>.Store(to + i, valid, V.MultiplyAdd(Lanes<V>.Load(second + i, valid), other, Lanes<V>.Load(first + i, valid) * weight));
            }
            return;
        }
        for (var i = 0; i < count; i += V.Count)
        {
            nint valid = count - i;
            V sum = Lanes<V>.Load(first + i, valid) * weight;
            for (var k = 1; k < table.Taps; k++)
            {
                var at = k * table.Length + y;
                sum = V.MultiplyAdd(Lanes<V>.Load(x + table.Sources[at] * stride + i, valid), V.Broadcast(table.Weights[at]), sum);
            }
            Lanes<V>.Store(to + i, valid, sum);
        }
    }

    /// <summary>Along a row of pixels, whose channels are neighbours.</summary>
    /// <param name="x">[input pixels, <paramref name="channels"/>]</param>
    /// <param name="table">The axis of the pixels.</param>
    /// <param name="to">[table.Length, <paramref name="channels"/>]</param>
    /// <param name="channels">Channels.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pixels(float* x, ResizeTable table, float* to, int channels)
    {
        for (var i = 0; i < table.Length; i++, to += channels)
        {
            float* first = x + (nint)table.Sources[i] * channels;
            V weight = V.Broadcast(table.Weights[i]);
            if (table.Taps == 2)
            {
                float* second = x + (nint)table.Sources[table.Length + i] * channels;
                V other = V.Broadcast(table.Weights[table.Length + i]);
                for (var c = 0; c < channels; c += V.Count)
                {
                    nint valid = channels - c;
                    Lanes<V>.Store(to + c, valid, V.MultiplyAdd(Lanes<V>.Load(second + c, valid), other, Lanes<V>.Load(first + c, valid) * weight));
                }
                continue;
            }
            for (var c = 0; c < channels; c += V.Count)
            {
                nint valid = channels - c;
                V sum = Lanes<V>.Load(first + c, valid) * weight;
                for (var k = 1; k < table.Taps; k++)
                {
                    var at = k * table.Length + i;
                    sum = V.MultiplyAdd(Lanes<V>.Load(x + (nint)table.Sources[at] * channels + c, valid), V.Broadcast(table.Weights[at]), sum);
                }
                Lanes<V>.Store(to + c, valid, sum);
            }
        }
    }

    /// <summary>Along a row of single floats.</summary>
    /// <param name="x">The row.</param>
    /// <param name="table">The axis.</param>
    /// <param name="to">[table.Length]</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row(float* x, ResizeTable table, float* to)
    {
        var (length, taps, i) = (table.Length, table.Taps, 0);
        fixed (int* sources = table.Sources)
        fixed (float* weights = table.Weights)
        {
            // Vectors of eight also where there are wider ones: gathering takes a cycle for each lane.
            if (V.Count >= 8 && Avx2.IsSupported && Fma.IsSupported)
                for (; i <= length - 8; i += 8)
                {
                    var sum = Avx2.GatherVector256(x, Vector256.Load(sources + i), sizeof(float)) * Vector256.Load(weights + i);
                    for (var k = 1; k < taps; k++)
                        sum = Fma.MultiplyAdd(Avx2.GatherVector256(x, Vector256.Load(sources + k * length + i), sizeof(float)), Vector256.Load(weights + k * length + i), sum);
                    sum.Store(to + i);
                }
            for (; i < length; i++)
            {
                var sum = x[sources[i]] * weights[i];
                for (var k = 1; k < taps; k++) sum = V.Count >= 8 ? MathF.FusedMultiplyAdd(x[sources[k * length + i]], weights[k * length + i], sum) : sum + x[sources[k * length + i]] * weights[k * length + i];
                to[i] = sum;
            }
        }
    }
}
