using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of a sum over the pixels of each image, times a factor: global average pooling with 1 / (H * W); or of its gradient.</summary>
internal unsafe struct GlobalAveragePoolFp32Args
{
    /// <summary>Forward: input [N, H, W, C]. Gradient: the input's gradient, overwritten.</summary>
    public required FeatureMap X;

    /// <summary>Forward: result [N, C], dense. Gradient: the result's gradient, which is read.</summary>
    public required float* Y;

    /// <summary>What each sum is multiplied by.</summary>
    public required float Scale;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;
}

/// <summary>Global average pooling and its gradient. An item is a block of channels of one image.</summary>
internal static unsafe class GlobalAveragePoolFp32
{
    private const int BlockChannels = 64;

    /// <summary>Number of work items.</summary>
    public static int WorkItems(GlobalAveragePoolFp32Args* args) => args->X.Images * Blocks(args);

    /// <summary>Computes items of Y.</summary>
    public static void Run(GlobalAveragePoolFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Run<Vec512>(args, begin, end); break;
            case 8: Run<Vec256>(args, begin, end); break;
            default: Run<Vec128>(args, begin, end); break;
        }
    }

    /// <summary>Computes items of the input gradient: Y * Scale at every pixel.</summary>
    public static void RunGradient(GlobalAveragePoolFp32Args* args, int begin, int end)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: RunGradient<Vec512>(args, begin, end); break;
            case 8: RunGradient<Vec256>(args, begin, end); break;
            default: RunGradient<Vec128>(args, begin, end); break;
        }
    }

    private static int Blocks(GlobalAveragePoolFp32Args* args) => (args->X.Channels + BlockChannels - 1) / BlockChannels;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<V>(GlobalAveragePoolFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        ref var x = ref args->X;
        V scale = V.Broadcast(args->Scale);
        for (var item = begin; item < end; item++)
        {
            int image = item / Blocks(args), first = item % Blocks(args) * BlockChannels, last = Math.Min(x.Channels, first + BlockChannels);
            for (var c = first; c < last; c += V.Count)
            {
                var valid = last - c;
                V total = V.Zero;
                // A sum for each row first: short chains keep the rounding error small.
                for (var h = 0; h < x.Height; h++)
                {
                    V sum = V.Zero;
                    float* from = x.At(image, h, 0) + c;
                    for (var w = 0; w < x.Width; w++, from += x.PixelStride) sum += Lanes<V>.Load(from, valid);
                    total += sum;
                }
                Lanes<V>.Store(args->Y + (nint)image * x.Channels + c, valid, total * scale);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunGradient<V>(GlobalAveragePoolFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        ref var dx = ref args->X;
        V scale = V.Broadcast(args->Scale);
        for (var item = begin; item < end; item++)
        {
            int image = item / Blocks(args), first = item % Blocks(args) * BlockChannels, last = Math.Min(dx.Channels, first + BlockChannels);
            for (var c = first; c < last; c += V.Count)
            {
                var valid = last - c;
                V share = Lanes<V>.Load(args->Y + (nint)image * dx.Channels + c, valid) * scale;
                for (var h = 0; h < dx.Height; h++)
                {
                    float* to = dx.At(image, h, 0) + c;
                    for (var w = 0; w < dx.Width; w++, to += dx.PixelStride) Lanes<V>.Store(to, valid, share);
                }
            }
        }
    }
}
