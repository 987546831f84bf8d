using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>A few neighbouring output pixels of a depthwise convolution, over all their channels.</summary>
internal unsafe struct DepthwiseTileArgs
{
    /// <summary>Input of the first pixel's tap 0, channel 0.</summary>
    public float* Input;

    /// <summary>Weights [tap, channels], <see cref="Channels"/> to a row.</summary>
    public float* Weights;

    /// <summary>Sums [pixel, channels], overwritten, <see cref="Channels"/> to a row.</summary>
    public float* Sums;

    /// <summary>Bytes from <see cref="Input"/> to each tap's input.</summary>
    public nint* TapOffsets;

    /// <summary>Number of taps.</summary>
    public int Taps;

    /// <summary>Channels, a multiple of the vector width; input and weights have as many.</summary>
    public int Channels;

    /// <summary>Bytes between the inputs of neighbouring pixels.</summary>
    public nint PixelStep;
}

/// <summary>Depthwise sums: up to eight pixels at a time share each weight vector; every sum is one chain of multiply-adds over the taps.</summary>
internal static unsafe class DepthwiseTile<V, TPixels>
    where V : struct, IVec<V>
    where TPixels : struct, ICount
{
    /// <summary>Computes the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(DepthwiseTileArgs* t)
    {
        nint step = t->PixelStep, channels = t->Channels;
        for (nint c = 0; c < channels; c += V.Count)
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
            float* weights = t->Weights + c;
            nint* offset = t->TapOffsets;
            for (var taps = t->Taps; taps > 0; taps--, weights += channels)
            {
                V w = V.Load(weights);
                byte* a0 = (byte*)(t->Input + c) + *offset++;
                byte* a3 = a0 + 3 * step;
                byte* a6 = a3 + 3 * step;
                if (TPixels.Value > 0) c0 = V.MultiplyAdd(V.Load((float*)a0), w, c0);
                if (TPixels.Value > 1) c1 = V.MultiplyAdd(V.Load((float*)(a0 + step)), w, c1);
                if (TPixels.Value > 2) c2 = V.MultiplyAdd(V.Load((float*)(a0 + 2 * step)), w, c2);
                if (TPixels.Value > 3) c3 = V.MultiplyAdd(V.Load((float*)a3), w, c3);
                if (TPixels.Value > 4) c4 = V.MultiplyAdd(V.Load((float*)(a3 + step)), w, c4);
                if (TPixels.Value > 5) c5 = V.MultiplyAdd(V.Load((float*)(a3 + 2 * step)), w, c5);
                if (TPixels.Value > 6) c6 = V.MultiplyAdd(V.Load((float*)a6), w, c6);
                if (TPixels.Value > 7) c7 = V.MultiplyAdd(V.Load((float*)(a6 + step)), w, c7);
            }
            float* to = t->Sums + c;
            if (TPixels.Value > 0) V.Store(to, c0);
            if (TPixels.Value > 1) V.Store(to + channels, c1);
            if (TPixels.Value > 2) V.Store(to + 2 * channels, c2);
            if (TPixels.Value > 3) V.Store(to + 3 * channels, c3);
            if (TPixels.Value > 4) V.Store(to + 4 * channels, c4);
            if (TPixels.Value > 5) V.Store(to + 5 * channels, c5);
            if (TPixels.Value > 6) V.Store(to + 6 * channels, c6);
            if (TPixels.Value > 7) V.Store(to + 7 * channels, c7);
        }
    }
}

/// <summary>Chooses the compiled <see cref="DepthwiseTile{V,TPixels}"/>.</summary>
internal static unsafe class DepthwiseTile<V> where V : struct, IVec<V>
{
    /// <summary>Largest number of pixels of a tile.</summary>
    public const int MaxPixels = 8;

    /// <summary>Computes a tile of <paramref name="pixels"/> (1 to <see cref="MaxPixels"/>).</summary>
    public static void Run(int pixels, DepthwiseTileArgs* t)
    {
        switch (pixels)
        {
            case 1: DepthwiseTile<V, N1>.Run(t); break;
            case 2: DepthwiseTile<V, N2>.Run(t); break;
            case 3: DepthwiseTile<V, N3>.Run(t); break;
            case 4: DepthwiseTile<V, N4>.Run(t); break;
            case 5: DepthwiseTile<V, N5>.Run(t); break;
            case 6: DepthwiseTile<V, N6>.Run(t); break;
            case 7: DepthwiseTile<V, N7>.Run(t); break;
            case 8: DepthwiseTile<V, N8>.Run(t); break;
            default: throw new ArgumentOutOfRangeException(nameof(pixels), pixels, "A tile has 1 to 8 pixels.");
        }
    }
}
