using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>The steps of forward batch normalization with vectors <typeparamref name="V"/>.</summary>
internal static unsafe class BatchNormKernel<V> where V : struct, IVec<V>
{
    /// <summary>Fills items of the partial statistics.</summary>
    public static void Measure(BatchNormFp32Args* args, int begin, int end)
    {
        var partition = new PixelPartition(args->Pixels, args->Channels);
        for (var partial = begin; partial < end; partial++)
        {
            float* means = args->Partials + 2 * (nint)partial * args->Channels;
            nint first = partition.Begin(partial), last = partition.Begin(partial + 1);
            for (var pixel = first; pixel < last; pixel += partition.ChunkPixels)
            {
                var pixels = Math.Min(partition.ChunkPixels, last - pixel);
                CacheLines.Fetch(args->X + pixel * args->Channels, pixels * args->Channels);
                AddChunk(args->X + pixel * args->Channels, pixels, args->Channels, pixel - first, means, means + args->Channels);
            }
        }
    }

    /// <summary>Merges the mean and squared deviations of a chunk into those of the <paramref name="before"/> pixels before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddChunk(float* x, nint pixels, int channels, nint before, float* means, float* squares)
    {
        V inverse = V.Broadcast(1f / pixels);
        V share = V.Broadcast((float)((double)pixels / (before + pixels)));
        V weight = V.Broadcast((float)((double)before * pixels / (before + pixels)));
        for (var c = 0; c < channels; c += V.Count)
        {
            var valid = channels - c;
            V mean = Sum(x + c, pixels, channels, valid) * inverse;
            V square = SquaredDeviations(x + c, pixels, channels, valid, mean);
            if (before > 0)
            {
                V old = Lanes<V>.Load(means + c, valid);
                V difference = mean - old;
                mean = V.MultiplyAdd(difference, share, old);
                square = Lanes<V>.Load(squares + c, valid) + V.MultiplyAdd(difference * difference, weight, square);
            }
            Lanes<V>.Store(means + c, valid, mean);
            Lanes<V>.Store(squares + c, valid, square);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Sum(float* x, nint pixels, nint stride, int valid)
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        if (valid < V.Count)
        {
            for (; pixels > 0; pixels--, x += stride) s0 += V.LoadPartial(x, valid);
            return s0;
        }
        for (; pixels >= 4; pixels -= 4, x += 4 * stride)
        {
            s0 += V.Load(x);
            s1 += V.Load(x + stride);
            s2 += V.Load(x + 2 * stride);
            s3 += V.Load(x + 3 * stride);
        }
        for (; pixels > 0; pixels--, x += stride) s0 += V.Load(x);
        return s0 + s1 + (s2 + s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SquaredDeviations(float* x, nint pixels, nint stride, int valid, V mean)
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        if (valid < V.Count)
        {
            for (; pixels > 0; pixels--, x += stride) s0 = AddSquare(V.LoadPartial(x, valid) - mean, s0);
            return s0;
        }
        for (; pixels >= 4; pixels -= 4, x += 4 * stride)
        {
            s0 = AddSquare(V.Load(x) - mean, s0);
            s1 = AddSquare(V.Load(x + stride) - mean, s1);
            s2 = AddSquare(V.Load(x + 2 * stride) - mean, s2);
            s3 = AddSquare(V.Load(x + 3 * stride) - mean, s3);
        }
        for (; pixels > 0; pixels--, x += stride) s0 = AddSquare(V.Load(x) - mean, s0);
        return s0 + s1 + (s2 + s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V AddSquare(V value, V sum) => V.MultiplyAdd(value, value, sum);

    /// <summary>Writes items of the output.</summary>
    public static void Normalize(BatchNormFp32Args* args, int begin, int end) =>
        ActivationDispatch.Run(args->Activation.Kind, new NormalizeBody(args, begin, end));

    private readonly struct NormalizeBody(BatchNormFp32Args* args, int begin, int end) : IActivationBody
    {
        private readonly BatchNormFp32Args* _args = args;
        private readonly int _begin = begin, _end = end;

        public void Run<TActivation>() where TActivation : struct, IActivation
        {
            var partition = new PixelPartition(_args->Pixels, _args->Channels);
            NormalizePixels<TActivation>(_args, partition.Begin(_begin), partition.Begin(_end), partition.ChunkPixels);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void NormalizePixels<TActivation>(BatchNormFp32Args* args, nint begin, nint end, nint chunk)
        where TActivation : struct, IActivation
    {
        nint channels = args->Channels;
        var streams = CacheLines.MayStream<V>(args->Y, args->Pixels, args->Channels);
        V a = V.Broadcast(args->Activation.A), b = V.Broadcast(args->Activation.B), epsilon = V.Broadcast(args->Epsilon);
        for (; begin < end; begin += chunk)
        {
            nint last = Math.Min(end, begin + chunk) * channels, first = begin * channels;
            CacheLines.Fetch(args->X + first, last - first);
            CacheLines.Fetch(args->Residual == null ? null : args->Residual + first, last - first);
            for (var c = 0; c < channels; c += V.Count)
            {
                var valid = (int)channels - c;
                V mean = Lanes<V>.Load(args->Mean + c, valid), beta = Lanes<V>.Load(args->Beta + c, valid);
                V scale = Lanes<V>.Load(args->Gamma + c, valid) / V.Sqrt(Lanes<V>.Load(args->Variance + c, valid) + epsilon);
                if (valid >= V.Count && args->Residual == null)
                {
                    for (var i = first + c; i < last; i += channels)
                    {
                        Lanes<V>.Store(args->Y + i, V.Count, TActivation.Apply(V.MultiplyAdd(V.Load(args->X + i) - mean, scale, beta), a, b), streams);
                    }
                    continue;
                }
                for (var i = first + c; i < last; i += channels)
                {
                    V y = V.MultiplyAdd(Lanes<V>.Load(args->X + i, valid) - mean, scale, beta);
                    if (args->Residual != null) y += Lanes<V>.Load(args->Residual + i, valid);
                    Lanes<V>.Store(args->Y + i, valid, TActivation.Apply(y, a, b), streams);
                }
            }
        }
        if (streams) CacheLines.Fence();
    }
}
