using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>The steps of the gradient of batch normalization with vectors <typeparamref name="V"/>.</summary>
internal static unsafe class BatchNormGradKernel<V> where V : struct, IVec<V>
{
    /// <summary>Fills items of the partial sums.</summary>
    public static void Accumulate(BatchNormGradFp32Args* args, int begin, int end)
    {
        var partition = new PixelPartition(args->Pixels, args->Channels);
        for (var partial = begin; partial < end; partial++)
        {
            float* sums = args->Partials + 2 * (nint)partial * args->Channels;
            new Span<float>(sums, 2 * args->Channels).Clear();
            nint last = partition.Begin(partial + 1);
            for (var pixel = partition.Begin(partial); pixel < last; pixel += partition.ChunkPixels)
            {
                var stop = Math.Min(last, pixel + partition.ChunkPixels);
                if (args->Gate == null) AddChunk<N1>(args, pixel, stop, sums);
                else AddChunk<N2>(args, pixel, stop, sums);
            }
        }
    }

    /// <summary>Adds a chunk to the sums; two operands (<typeparamref name="TOperands"/>: N2) when a gate follows, one (N1) otherwise.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddChunk<TOperands>(BatchNormGradFp32Args* args, nint begin, nint end, float* sums) where TOperands : struct, ICount
    {
        nint channels = args->Channels;
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = (int)channels - c;
            V mean = Lanes<V>.Load(args->Mean + c, valid);
            V g0 = V.Zero, g1 = V.Zero, p0 = V.Zero, p1 = V.Zero;
            nint i = begin * channels + c, last = end * channels;
            if (valid >= V.Count)
            {
                for (; i < last - channels; i += 2 * channels)
                {
                    V first = Gradient<TOperands>(args, i, V.Count), second = Gradient<TOperands>(args, i + channels, V.Count);
                    g0 += first;
                    g1 += second;
                    p0 = V.MultiplyAdd(first, V.Load(args->X + i) - mean, p0);
                    p1 = V.MultiplyAdd(second, V.Load(args->X + i + channels) - mean, p1);
                }
            }
            for (; i < last; i += channels)
            {
                V g = Gradient<TOperands>(args, i, valid);
                g0 += g;
                p0 = V.MultiplyAdd(g, Lanes<V>.Load(args->X + i, valid) - mean, p0);
            }
            Lanes<V>.Store(sums + c, valid, Lanes<V>.Load(sums + c, valid) + (g0 + g1));
            Lanes<V>.Store(sums + channels + c, valid, Lanes<V>.Load(sums + channels + c, valid) + (p0 + p1));
        }
    }

    /// <summary>Writes items of DX and DResidual.</summary>
    public static void Propagate(BatchNormGradFp32Args* args, int begin, int end)
    {
        var partition = new PixelPartition(args->Pixels, args->Channels);
        nint last = partition.Begin(end);
        for (var pixel = partition.Begin(begin); pixel < last; pixel += partition.ChunkPixels)
        {
            var stop = Math.Min(last, pixel + partition.ChunkPixels);
            if (args->Gate == null) PropagateChunk<N1>(args, pixel, stop);
            else PropagateChunk<N2>(args, pixel, stop);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PropagateChunk<TOperands>(BatchNormGradFp32Args* args, nint begin, nint end) where TOperands : struct, ICount
    {
        nint channels = args->Channels;
        V epsilon = V.Broadcast(args->Epsilon), share = V.Broadcast(args->FrozenStatistics != 0 ? 0 : 1f / args->Pixels);
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = (int)channels - c;
            // DX = scale * g + slope * (X - mean) + offset
            V mean = Lanes<V>.Load(args->Mean + c, valid);
            V inverse = V.Broadcast(1) / V.Sqrt(Lanes<V>.Load(args->Variance + c, valid) + epsilon);
            V scale = Lanes<V>.Load(args->Gamma + c, valid) * inverse;
            V slope = V.Zero - scale * inverse * Lanes<V>.Load(args->DGamma + c, valid) * share;
            V offset = V.Zero - scale * Lanes<V>.Load(args->DBeta + c, valid) * share;
            nint last = end * channels;
            if (valid >= V.Count && args->DResidual == null)
            {
                for (var i = begin * channels + c; i < last; i += channels)
                {
                    V g = Gradient<TOperands>(args, i, V.Count);
                    V.Store(args->DX + i, V.MultiplyAdd(g, scale, V.MultiplyAdd(V.Load(args->X + i) - mean, slope, offset)));
                }
                continue;
            }
            for (var i = begin * channels + c; i < last; i += channels)
            {
                V g = Gradient<TOperands>(args, i, valid);
                if (args->DResidual != null) Lanes<V>.Store(args->DResidual + i, valid, g);
                Lanes<V>.Store(args->DX + i, valid, V.MultiplyAdd(g, scale, V.MultiplyAdd(Lanes<V>.Load(args->X + i, valid) - mean, slope, offset)));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Gated(V gate, V dy, BatchNormGradFp32Args* args) => ClipActivation.Gradient(gate, dy, V.Broadcast(args->GateLower), V.Broadcast(args->GateUpper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Gradient<TOperands>(BatchNormGradFp32Args* args, nint i, int valid) where TOperands : struct, ICount
    {
        V dy = Lanes<V>.Load(args->DY + i, valid);
        return TOperands.Value == 1 ? dy : Gated(Lanes<V>.Load(args->Gate + i, valid), dy, args);
    }
}
