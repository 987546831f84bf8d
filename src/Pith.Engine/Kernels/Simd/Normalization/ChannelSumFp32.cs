using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of <c>Sums[c] = sum over pixels of X[pixel, c]</c>: the gradient of a bias. X is dense [Pixels, Channels].</summary>
internal unsafe struct ChannelSumFp32Args
{
    /// <summary>Pixels of all images, or rows of a matrix.</summary>
    public required nint Pixels;

    /// <summary>C.</summary>
    public required int Channels;

    /// <summary>Input.</summary>
    public required float* X;

    /// <summary>[C], overwritten.</summary>
    public required float* Sums;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Memory for <see cref="ChannelSumFp32.PartialFloats"/> floats, shared by all threads.</summary>
    public float* Partials;
}

/// <summary>Sums per channel in two steps with a barrier between: <see cref="Accumulate"/> (many items) and <see cref="Combine"/> (one call).</summary>
internal static unsafe class ChannelSumFp32
{
    /// <summary>Floats of partial sums.</summary>
    public static nint PartialFloats(ChannelSumFp32Args* args) => (nint)args->Channels * Items(args);

    /// <summary>Number of work items of <see cref="Accumulate"/>.</summary>
    public static int Items(ChannelSumFp32Args* args) => new PixelPartition(args->Pixels, args->Channels).Partials;

    /// <summary>Fills items of the partial sums.</summary>
    public static void Accumulate(ChannelSumFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Accumulate<Vec512>(args, begin, end); break;
            case 8: Accumulate<Vec256>(args, begin, end); break;
            default: Accumulate<Vec128>(args, begin, end); break;
        }
    }

    /// <summary>Adds the partial sums in order.</summary>
    public static void Combine(ChannelSumFp32Args* args)
    {
        var partials = Items(args);
        for (var c = 0; c < args->Channels; c++)
        {
            double sum = 0;
            for (var partial = 0; partial < partials; partial++) sum += args->Partials[(nint)partial * args->Channels + c];
            args->Sums[c] = (float)sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Accumulate<V>(ChannelSumFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        nint channels = args->Channels;
        var partition = new PixelPartition(args->Pixels, args->Channels);
        for (var partial = begin; partial < end; partial++)
        {
            float* sums = args->Partials + partial * channels;
            new Span<float>(sums, (int)channels).Clear();
            nint last = partition.Begin(partial + 1);
            for (var pixel = partition.Begin(partial); pixel < last; pixel += partition.ChunkPixels)
            {
                var stop = Math.Min(last, pixel + partition.ChunkPixels);
                for (var c = 0; c < channels; c += V.Count)
                {
                    var valid = (int)Math.Min(V.Count, channels - c);
                    V sum = V.Zero;
                    for (var i = pixel; i < stop; i++) sum += V.LoadPartial(args->X + i * channels + c, valid);
                    V.StorePartial(sums + c, valid, V.LoadPartial(sums + c, valid) + sum);
                }
            }
        }
    }
}
