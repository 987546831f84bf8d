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
                Fetch(args, pixel, stop);
                if (args->Beta != null) AddChunk<N3>(args, pixel, stop, sums);
                else if (args->Gate != null) AddChunk<N2>(args, pixel, stop, sums);
                else AddChunk<N1>(args, pixel, stop, sums);
            }
        }
    }

    /// <summary>Adds a chunk to the sums. <typeparamref name="TGate"/>: N1 without a gate, N2 with one in memory, N3 with one that is computed again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddChunk<TGate>(BatchNormGradFp32Args* args, nint begin, nint end, float* sums) where TGate : struct, ICount
    {
        nint channels = args->Channels;
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = (int)channels - c;
            V mean = Lanes<V>.Load(args->Mean + c, valid);
            var gate = Regate.Load<TGate>(args, c, valid);
            V g0 = V.Zero, g1 = V.Zero, p0 = V.Zero, p1 = V.Zero;
            nint i = begin * channels + c, last = end * channels;
            if (valid >= V.Count)
            {
                for (; i < last - channels; i += 2 * channels)
                {
                    V x0 = V.Load(args->X + i) - mean, x1 = V.Load(args->X + i + channels) - mean;
                    V first = Gradient<TGate>(args, i, V.Count, x0, gate), second = Gradient<TGate>(args, i + channels, V.Count, x1, gate);
                    g0 += first;
                    g1 += second;
                    p0 = V.MultiplyAdd(first, x0, p0);
                    p1 = V.MultiplyAdd(second, x1, p1);
                }
            }
            for (; i < last; i += channels)
            {
                V x = Lanes<V>.Load(args->X + i, valid) - mean;
                V g = Gradient<TGate>(args, i, valid, x, gate);
                g0 += g;
                p0 = V.MultiplyAdd(g, x, p0);
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
            Fetch(args, pixel, stop);
            if (args->Beta != null) PropagateChunk<N3>(args, pixel, stop);
            else if (args->Gate != null) PropagateChunk<N2>(args, pixel, stop);
            else PropagateChunk<N1>(args, pixel, stop);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PropagateChunk<TGate>(BatchNormGradFp32Args* args, nint begin, nint end) where TGate : struct, ICount
    {
        nint channels = args->Channels;
        var streams = CacheLines.MayStream<V>(args->DX, args->Pixels, args->Channels);
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
            var gate = Regate.Load<TGate>(args, c, valid);
            nint last = end * channels;
            if (valid >= V.Count && args->DResidual == null)
            {
                for (var i = begin * channels + c; i < last; i += channels)
                {
                    V x = V.Load(args->X + i) - mean;
                    V g = Gradient<TGate>(args, i, V.Count, x, gate);
                    Lanes<V>.Store(args->DX + i, V.Count, V.MultiplyAdd(g, scale, V.MultiplyAdd(x, slope, offset)), streams);
                }
                continue;
            }
            for (var i = begin * channels + c; i < last; i += channels)
            {
                V x = Lanes<V>.Load(args->X + i, valid) - mean;
                V g = Gradient<TGate>(args, i, valid, x, gate);
                if (args->DResidual != null) Lanes<V>.Store(args->DResidual + i, valid, g);
                Lanes<V>.Store(args->DX + i, valid, V.MultiplyAdd(g, scale, V.MultiplyAdd(x, slope, offset)), streams);
            }
        }
        if (streams) CacheLines.Fence();
    }

    private static void Fetch(BatchNormGradFp32Args* args, nint begin, nint end)
    {
        nint first = begin * args->Channels, count = (end - begin) * args->Channels;
        CacheLines.Fetch(args->X + first, count);
        CacheLines.Fetch(args->DY + first, count);
        CacheLines.Fetch(args->Gate == null ? null : args->Gate + first, count);
    }

    // x is the input less the mean.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Gradient<TGate>(BatchNormGradFp32Args* args, nint i, int valid, V x, in Regate gate) where TGate : struct, ICount
    {
        V dy = Lanes<V>.Load(args->DY + i, valid);
        if (TGate.Value == 1) return dy;
        return ClipActivation.Gradient(TGate.Value == 2 ? Lanes<V>.Load(args->Gate + i, valid) : V.MultiplyAdd(x, gate.Scale, gate.Beta), dy, gate.Lower, gate.Upper);
    }

    /// <summary>What some channels' gates are computed from, as <see cref="BatchNormKernel{V}"/> computes them.</summary>
    private readonly struct Regate(V scale, V beta, V lower, V upper)
    {
        public readonly V Scale = scale, Beta = beta, Lower = lower, Upper = upper;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Regate Load<TGate>(BatchNormGradFp32Args* args, int c, int valid) where TGate : struct, ICount
        {
            V lower = V.Broadcast(args->GateLower), upper = V.Broadcast(args->GateUpper);
            if (TGate.Value < 3) return new Regate(V.Zero, V.Zero, lower, upper);
            V scale = Lanes<V>.Load(args->Gamma + c, valid) / V.Sqrt(Lanes<V>.Load(args->Variance + c, valid) + V.Broadcast(args->Epsilon));
            return new Regate(scale, Lanes<V>.Load(args->Beta + c, valid), lower, upper);
        }
    }
}
