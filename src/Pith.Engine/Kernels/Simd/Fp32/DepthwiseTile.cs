using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>A few output pixels of a depthwise convolution in a line, over all their channels.</summary>
internal unsafe struct DepthwiseTileArgs
{
    /// <summary>The input pixel under tap (0, 0) of the first output; may lie outside, taps that do are not listed.</summary>
    public float* Input;

    /// <summary>First output.</summary>
    public float* Out;

    /// <summary>What to add to the first output, or null.</summary>
    public float* Residual;

    /// <summary>Weights [tap, channels].</summary>
    public float* Weights;

    /// <summary>One for each channel, or null.</summary>
    public float* Bias;

    /// <summary>The taps to sum, in order.</summary>
    public DepthwiseTap* Taps;

    /// <summary>Number of taps.</summary>
    public int TapCount;

    /// <summary>Channels.</summary>
    public int Channels;

    /// <summary>Bytes between the inputs of neighbouring outputs.</summary>
    public nint InputStep;

    /// <summary>Bytes between neighbouring outputs.</summary>
    public nint OutStep;

    /// <summary>Bytes between residuals of neighbouring outputs.</summary>
    public nint ResidualStep;

    /// <summary>Whether outputs are written with non-temporal stores, which <see cref="CacheLines.MayStream{V}"/> must have allowed.</summary>
    public bool Streams;

    /// <summary>First constant of the activation.</summary>
    public float A;

    /// <summary>Second constant of the activation.</summary>
    public float B;
}

/// <summary>Where a tap finds its operands, in bytes from those of tap (0, 0).</summary>
internal struct DepthwiseTap
{
    /// <summary>From <see cref="DepthwiseTileArgs.Input"/>.</summary>
    public nint Input;

    /// <summary>From <see cref="DepthwiseTileArgs.Weights"/>.</summary>
    public nint Weight;
}

/// <summary>
/// Depthwise outputs: up to eight pixels at a time share each weight vector. Every sum is one chain of multiply-adds over the taps, followed by bias,
/// residual and activation in registers.
/// </summary>
internal static unsafe class DepthwiseTile<V, TPixels, TActivation>
    where V : struct, IVec<V>
    where TPixels : struct, ICount
    where TActivation : struct, IActivation
{
    /// <summary>Computes the tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(DepthwiseTileArgs* t)
    {
        nint step = t->InputStep, outStep = t->OutStep;
        var streams = t->Streams;
        V a = V.Broadcast(t->A), b = V.Broadcast(t->B);
        int c = 0;
        for (; c <= t->Channels - V.Count; c += V.Count)
        {
            V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero, c7 = V.Zero;
            byte* weights = (byte*)(t->Weights + c);
            byte* input = (byte*)(t->Input + c);
            DepthwiseTap* tap = t->Taps;
            for (var taps = t->TapCount; taps > 0; taps--, tap++)
            {
                V w = V.Load((float*)(weights + tap->Weight));
                byte* x0 = input + tap->Input;
                byte* x3 = x0 + 3 * step;
                byte* x6 = x3 + 3 * step;
                if (TPixels.Value > 0) c0 = V.MultiplyAdd(V.Load((float*)x0), w, c0);
                if (TPixels.Value > 1) c1 = V.MultiplyAdd(V.Load((float*)(x0 + step)), w, c1);
                if (TPixels.Value > 2) c2 = V.MultiplyAdd(V.Load((float*)(x0 + 2 * step)), w, c2);
                if (TPixels.Value > 3) c3 = V.MultiplyAdd(V.Load((float*)x3), w, c3);
                if (TPixels.Value > 4) c4 = V.MultiplyAdd(V.Load((float*)(x3 + step)), w, c4);
                if (TPixels.Value > 5) c5 = V.MultiplyAdd(V.Load((float*)(x3 + 2 * step)), w, c5);
                if (TPixels.Value > 6) c6 = V.MultiplyAdd(V.Load((float*)x6), w, c6);
                if (TPixels.Value > 7) c7 = V.MultiplyAdd(V.Load((float*)(x6 + step)), w, c7);
            }
            if (t->Bias != null)
            {
                V bias = V.Load(t->Bias + c);
                if (TPixels.Value > 0) c0 += bias;
                if (TPixels.Value > 1) c1 += bias;
                if (TPixels.Value > 2) c2 += bias;
                if (TPixels.Value > 3) c3 += bias;
                if (TPixels.Value > 4) c4 += bias;
                if (TPixels.Value > 5) c5 += bias;
                if (TPixels.Value > 6) c6 += bias;
                if (TPixels.Value > 7) c7 += bias;
            }
            if (t->Residual != null)
            {
                byte* residual = (byte*)(t->Residual + c);
                if (TPixels.Value > 0) { c0 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 1) { c1 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 2) { c2 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 3) { c3 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 4) { c4 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 5) { c5 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 6) { c6 += V.Load((float*)residual); residual += t->ResidualStep; }
                if (TPixels.Value > 7) { c7 += V.Load((float*)residual); residual += t->ResidualStep; }
            }
            byte* y0 = (byte*)(t->Out + c);
            byte* y3 = y0 + 3 * outStep;
            byte* y6 = y3 + 3 * outStep;
            if (TPixels.Value > 0) Lanes<V>.Store((float*)y0, V.Count, TActivation.Apply(c0, a, b), streams);
            if (TPixels.Value > 1) Lanes<V>.Store((float*)(y0 + outStep), V.Count, TActivation.Apply(c1, a, b), streams);
            if (TPixels.Value > 2) Lanes<V>.Store((float*)(y0 + 2 * outStep), V.Count, TActivation.Apply(c2, a, b), streams);
            if (TPixels.Value > 3) Lanes<V>.Store((float*)y3, V.Count, TActivation.Apply(c3, a, b), streams);
            if (TPixels.Value > 4) Lanes<V>.Store((float*)(y3 + outStep), V.Count, TActivation.Apply(c4, a, b), streams);
            if (TPixels.Value > 5) Lanes<V>.Store((float*)(y3 + 2 * outStep), V.Count, TActivation.Apply(c5, a, b), streams);
            if (TPixels.Value > 6) Lanes<V>.Store((float*)y6, V.Count, TActivation.Apply(c6, a, b), streams);
            if (TPixels.Value > 7) Lanes<V>.Store((float*)(y6 + outStep), V.Count, TActivation.Apply(c7, a, b), streams);
        }
        if (c < t->Channels) RunPartialVector(t, c);
    }

    private static void RunPartialVector(DepthwiseTileArgs* t, int c)
    {
        var valid = t->Channels - c;
        for (var pixel = 0; pixel < TPixels.Value; pixel++)
        {
            V sum = V.Zero;
            for (var tap = t->Taps; tap < t->Taps + t->TapCount; tap++)
            {
                V x = V.LoadPartial((float*)((byte*)(t->Input + c) + tap->Input + pixel * t->InputStep), valid);
                sum = V.MultiplyAdd(x, V.LoadPartial((float*)((byte*)(t->Weights + c) + tap->Weight), valid), sum);
            }
            if (t->Bias != null) sum += V.LoadPartial(t->Bias + c, valid);
            if (t->Residual != null) sum += V.LoadPartial((float*)((byte*)(t->Residual + c) + pixel * t->ResidualStep), valid);
            V y = TActivation.Apply(sum, V.Broadcast(t->A), V.Broadcast(t->B));
            V.StorePartial((float*)((byte*)(t->Out + c) + pixel * t->OutStep), valid, y);
        }
    }
}

/// <summary>Chooses the compiled <see cref="DepthwiseTile{V,TPixels,TActivation}"/>.</summary>
internal static unsafe class DepthwiseTile<V> where V : struct, IVec<V>
{
    /// <summary>Largest number of pixels of a tile.</summary>
    public const int MaxPixels = 8;

    /// <summary>Computes a tile of <paramref name="pixels"/> (1 to <see cref="MaxPixels"/>).</summary>
    public static void Run<TActivation>(int pixels, DepthwiseTileArgs* t) where TActivation : struct, IActivation
    {
        switch (pixels)
        {
            case 1: DepthwiseTile<V, N1, TActivation>.Run(t); break;
            case 2: DepthwiseTile<V, N2, TActivation>.Run(t); break;
            case 3: DepthwiseTile<V, N3, TActivation>.Run(t); break;
            case 4: DepthwiseTile<V, N4, TActivation>.Run(t); break;
            case 5: DepthwiseTile<V, N5, TActivation>.Run(t); break;
            case 6: DepthwiseTile<V, N6, TActivation>.Run(t); break;
            case 7: DepthwiseTile<V, N7, TActivation>.Run(t); break;
            case 8: DepthwiseTile<V, N8, TActivation>.Run(t); break;
            default: throw new ArgumentOutOfRangeException(nameof(pixels), pixels, "A tile has 1 to 8 pixels.");
        }
    }
}
