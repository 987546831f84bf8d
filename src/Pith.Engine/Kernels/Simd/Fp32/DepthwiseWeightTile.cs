using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>A line of output gradients against a few taps of a depthwise convolution, over all channels.</summary>
internal unsafe struct DepthwiseWeightTileArgs
{
    /// <summary>The input pixel under tap (0, 0) of the first output; may lie outside, taps that do are not listed.</summary>
    public float* Input;

    /// <summary>Output gradient of the first pixel.</summary>
    public float* Gradients;

    /// <summary>Sums [tap, channels], added to; rows hold whole vectors.</summary>
    public float* Sums;

    /// <summary>Bytes from <see cref="Input"/> to each tap's input.</summary>
    public nint* TapOffsets;

    /// <summary>Bytes between the inputs of neighbouring pixels.</summary>
    public nint InputStep;

    /// <summary>Bytes between the gradients of neighbouring pixels.</summary>
    public nint GradientStep;

    /// <summary>Number of pixels.</summary>
    public int Pixels;

    /// <summary>Channels.</summary>
    public int Channels;

    /// <summary>Floats between the sums of neighbouring taps.</summary>
    public nint SumStride;
}

/// <summary>Adds a row of pixels to the weight gradients of up to nine taps; every sum is one chain of multiply-adds over the pixels.</summary>
internal static unsafe class DepthwiseWeightTile<V, TTaps>
    where V : struct, IVec<V>
    where TTaps : struct, ICount
{
    /// <summary>Computes the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(DepthwiseWeightTileArgs* t)
    {
        nint* offsets = t->TapOffsets;
        nint o0 = TTaps.Value > 0 ? offsets[0] : 0;
        nint o1 = TTaps.Value > 1 ? offsets[1] : 0;
        nint o2 = TTaps.Value > 2 ? offsets[2] : 0;
        nint o3 = TTaps.Value > 3 ? offsets[3] : 0;
        nint o4 = TTaps.Value > 4 ? offsets[4] : 0;
        nint o5 = TTaps.Value > 5 ? offsets[5] : 0;
        nint o6 = TTaps.Value > 6 ? offsets[6] : 0;
        nint o7 = TTaps.Value > 7 ? offsets[7] : 0;
        nint o8 = TTaps.Value > 8 ? offsets[8] : 0;
        nint sumStride = t->SumStride, step = t->InputStep, gradientStep = t->GradientStep;
        int c = 0;
        for (; c <= t->Channels - V.Count; c += V.Count)
        {
            float* sums = t->Sums + c;
            V c0 = TTaps.Value > 0 ? V.Load(sums) : V.Zero;
            V c1 = TTaps.Value > 1 ? V.Load(sums + sumStride) : V.Zero;
            V c2 = TTaps.Value > 2 ? V.Load(sums + 2 * sumStride) : V.Zero;
            V c3 = TTaps.Value > 3 ? V.Load(sums + 3 * sumStride) : V.Zero;
            V c4 = TTaps.Value > 4 ? V.Load(sums + 4 * sumStride) : V.Zero;
            V c5 = TTaps.Value > 5 ? V.Load(sums + 5 * sumStride) : V.Zero;
            V c6 = TTaps.Value > 6 ? V.Load(sums + 6 * sumStride) : V.Zero;
            V c7 = TTaps.Value > 7 ? V.Load(sums + 7 * sumStride) : V.Zero;
            V c8 = TTaps.Value > 8 ? V.Load(sums + 8 * sumStride) : V.Zero;
            byte* x = (byte*)(t->Input + c);
            byte* dy = (byte*)(t->Gradients + c);
            for (nint pixels = t->Pixels; pixels > 0; pixels--, x += step, dy += gradientStep)
            {
                V g = V.Load((float*)dy);
                if (TTaps.Value > 0) c0 = V.MultiplyAdd(V.Load((float*)(x + o0)), g, c0);
                if (TTaps.Value > 1) c1 = V.MultiplyAdd(V.Load((float*)(x + o1)), g, c1);
                if (TTaps.Value > 2) c2 = V.MultiplyAdd(V.Load((float*)(x + o2)), g, c2);
                if (TTaps.Value > 3) c3 = V.MultiplyAdd(V.Load((float*)(x + o3)), g, c3);
                if (TTaps.Value > 4) c4 = V.MultiplyAdd(V.Load((float*)(x + o4)), g, c4);
                if (TTaps.Value > 5) c5 = V.MultiplyAdd(V.Load((float*)(x + o5)), g, c5);
                if (TTaps.Value > 6) c6 = V.MultiplyAdd(V.Load((float*)(x + o6)), g, c6);
                if (TTaps.Value > 7) c7 = V.MultiplyAdd(V.Load((float*)(x + o7)), g, c7);
                if (TTaps.Value > 8) c8 = V.MultiplyAdd(V.Load((float*)(x + o8)), g, c8);
            }
            if (TTaps.Value > 0) V.Store(sums, c0);
            if (TTaps.Value > 1) V.Store(sums + sumStride, c1);
            if (TTaps.Value > 2) V.Store(sums + 2 * sumStride, c2);
            if (TTaps.Value > 3) V.Store(sums + 3 * sumStride, c3);
            if (TTaps.Value > 4) V.Store(sums + 4 * sumStride, c4);
            if (TTaps.Value > 5) V.Store(sums + 5 * sumStride, c5);
            if (TTaps.Value > 6) V.Store(sums + 6 * sumStride, c6);
            if (TTaps.Value > 7) V.Store(sums + 7 * sumStride, c7);
            if (TTaps.Value > 8) V.Store(sums + 8 * sumStride, c8);
        }
        if (c < t->Channels) RunPartialVector(t, c);
    }

    private static void RunPartialVector(DepthwiseWeightTileArgs* t, int c)
    {
        var valid = t->Channels - c;
        for (var tap = 0; tap < TTaps.Value; tap++)
        {
            float* sums = t->Sums + tap * t->SumStride + c;
            V sum = V.Load(sums);
            for (var pixel = 0; pixel < t->Pixels; pixel++)
            {
                V x = V.LoadPartial((float*)((byte*)(t->Input + c) + t->TapOffsets[tap] + pixel * t->InputStep), valid);
                sum = V.MultiplyAdd(x, V.LoadPartial((float*)((byte*)(t->Gradients + c) + pixel * t->GradientStep), valid), sum);
            }
            V.Store(sums, sum);
        }
    }
}

/// <summary>Chooses the compiled <see cref="DepthwiseWeightTile{V,TTaps}"/>.</summary>
internal static unsafe class DepthwiseWeightTile<V> where V : struct, IVec<V>
{
    /// <summary>Largest number of taps of a tile.</summary>
    public const int MaxTaps = 9;

    /// <summary>Computes a tile of <paramref name="taps"/> (1 to <see cref="MaxTaps"/>).</summary>
    public static void Run(int taps, DepthwiseWeightTileArgs* t)
    {
        switch (taps)
        {
            case 1: DepthwiseWeightTile<V, N1>.Run(t); break;
            case 2: DepthwiseWeightTile<V, N2>.Run(t); break;
            case 3: DepthwiseWeightTile<V, N3>.Run(t); break;
            case 4: DepthwiseWeightTile<V, N4>.Run(t); break;
            case 5: DepthwiseWeightTile<V, N5>.Run(t); break;
            case 6: DepthwiseWeightTile<V, N6>.Run(t); break;
            case 7: DepthwiseWeightTile<V, N7>.Run(t); break;
            case 8: DepthwiseWeightTile<V, N8>.Run(t); break;
            case 9: DepthwiseWeightTile<V, N9>.Run(t); break;
            default: throw new ArgumentOutOfRangeException(nameof(taps), taps, "A tile has 1 to 9 taps.");
        }
    }
}
