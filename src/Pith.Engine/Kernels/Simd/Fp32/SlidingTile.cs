using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of one <see cref="SlidingTile{V,TRows}"/>.</summary>
internal unsafe struct SlidingTileArgs
{
    /// <summary>The input pixel under tap (0, 0) of the first output.</summary>
    public float* A;

    /// <summary>Weights of tap (0, 0), channel 0, for one vector of outputs.</summary>
    public float* B;

    /// <summary>Sums, overwritten.</summary>
    public float* Acc;

    /// <summary>Number of tap rows, of three taps each.</summary>
    public int TapRows;

    /// <summary>Input channels.</summary>
    public int Channels;

    /// <summary>Bytes between neighbouring input pixels.</summary>
    public nint PixelStep;

    /// <summary>Bytes between the inputs of neighbouring tap rows.</summary>
    public nint RowStep;

    /// <summary>Bytes between the weights of neighbouring channels.</summary>
    public nint BStep;

    /// <summary>Floats between the sums of neighbouring outputs.</summary>
    public nint AccStride;
}

/// <summary>
/// Outputs of a stride-1 convolution with three taps along W, one vector of output channels wide: each input is broadcast once and meets the weights of all three
/// taps, where <see cref="GemmTile{V,TRows,TCols}"/> would broadcast it three times and be bound by that. Sums run over (tap row, channel, tap).
/// </summary>
internal static unsafe class SlidingTile<V, TRows>
    where V : struct, IVec<V>
    where TRows : struct, ICount
{
    /// <summary>Computes one tile of neighbouring outputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(SlidingTileArgs* t)
    {
        V c0 = V.Zero, c1 = V.Zero, c2 = V.Zero, c3 = V.Zero, c4 = V.Zero, c5 = V.Zero, c6 = V.Zero;
        V c7 = V.Zero, c8 = V.Zero, c9 = V.Zero, c10 = V.Zero, c11 = V.Zero, c12 = V.Zero, c13 = V.Zero;
        nint step = t->PixelStep, bStep = t->BStep, tap = bStep * t->Channels;
        byte* row = (byte*)t->A;
        byte* b = (byte*)t->B;
        for (var rows = t->TapRows; rows > 0; rows--, row += t->RowStep, b += 2 * tap)
        {
            byte* a0 = row;
            byte* a3 = a0 + 3 * step;
            byte* a6 = a3 + 3 * step;
            byte* a9 = a6 + 3 * step;
            byte* a12 = a9 + 3 * step;
            byte* a15 = a12 + 3 * step;
            for (nint k = t->Channels; k > 0; k--)
            {
                V w0 = V.Load((float*)b), w1 = V.Load((float*)(b + tap)), w2 = V.Load((float*)(b + 2 * tap));
                b += bStep;
                { V x = V.Broadcast(*(float*)a0); c0 = V.MultiplyAdd(x, w0, c0); }
                { V x = V.Broadcast(*(float*)(a0 + step)); if (TRows.Value > 1) c1 = V.MultiplyAdd(x, w0, c1); c0 = V.MultiplyAdd(x, w1, c0); }
                { V x = V.Broadcast(*(float*)(a0 + 2 * step)); if (TRows.Value > 2) c2 = V.MultiplyAdd(x, w0, c2); if (TRows.Value > 1) c1 = V.MultiplyAdd(x, w1, c1); c0 = V.MultiplyAdd(x, w2, c0); }
                if (TRows.Value > 1) { V x = V.Broadcast(*(float*)a3); if (TRows.Value > 3) c3 = V.MultiplyAdd(x, w0, c3); if (TRows.Value > 2) c2 = V.MultiplyAdd(x, w1, c2); c1 = V.MultiplyAdd(x, w2, c1); }
                if (TRows.Value > 2) { V x = V.Broadcast(*(float*)(a3 + step)); if (TRows.Value > 4) c4 = V.MultiplyAdd(x, w0, c4); if (TRows.Value > 3) c3 = V.MultiplyAdd(x, w1, c3); c2 = V.MultiplyAdd(x, w2, c2); }
                if (TRows.Value > 3) { V x = V.Broadcast(*(float*)(a3 + 2 * step)); if (TRows.Value > 5) c5 = V.MultiplyAdd(x, w0, c5); if (TRows.Value > 4) c4 = V.MultiplyAdd(x, w1, c4); c3 = V.MultiplyAdd(x, w2, c3); }
                if (TRows.Value > 4) { V x = V.Broadcast(*(float*)a6); if (TRows.Value > 6) c6 = V.MultiplyAdd(x, w0, c6); if (TRows.Value > 5) c5 = V.MultiplyAdd(x, w1, c5); c4 = V.MultiplyAdd(x, w2, c4); }
                if (TRows.Value > 5) { V x = V.Broadcast(*(float*)(a6 + step)); if (TRows.Value > 7) c7 = V.MultiplyAdd(x, w0, c7); if (TRows.Value > 6) c6 = V.MultiplyAdd(x, w1, c6); c5 = V.MultiplyAdd(x, w2, c5); }
                if (TRows.Value > 6) { V x = V.Broadcast(*(float*)(a6 + 2 * step)); if (TRows.Value > 8) c8 = V.MultiplyAdd(x, w0, c8); if (TRows.Value > 7) c7 = V.MultiplyAdd(x, w1, c7); c6 = V.MultiplyAdd(x, w2, c6); }
                if (TRows.Value > 7) { V x = V.Broadcast(*(float*)a9); if (TRows.Value > 9) c9 = V.MultiplyAdd(x, w0, c9); if (TRows.Value > 8) c8 = V.MultiplyAdd(x, w1, c8); c7 = V.MultiplyAdd(x, w2, c7); }
                if (TRows.Value > 8) { V x = V.Broadcast(*(float*)(a9 + step)); if (TRows.Value > 10) c10 = V.MultiplyAdd(x, w0, c10); if (TRows.Value > 9) c9 = V.MultiplyAdd(x, w1, c9); c8 = V.MultiplyAdd(x, w2, c8); }
                if (TRows.Value > 9) { V x = V.Broadcast(*(float*)(a9 + 2 * step)); if (TRows.Value > 11) c11 = V.MultiplyAdd(x, w0, c11); if (TRows.Value > 10) c10 = V.MultiplyAdd(x, w1, c10); c9 = V.MultiplyAdd(x, w2, c9); }
                if (TRows.Value > 10) { V x = V.Broadcast(*(float*)a12); if (TRows.Value > 12) c12 = V.MultiplyAdd(x, w0, c12); if (TRows.Value > 11) c11 = V.MultiplyAdd(x, w1, c11); c10 = V.MultiplyAdd(x, w2, c10); }
                if (TRows.Value > 11) { V x = V.Broadcast(*(float*)(a12 + step)); if (TRows.Value > 13) c13 = V.MultiplyAdd(x, w0, c13); if (TRows.Value > 12) c12 = V.MultiplyAdd(x, w1, c12); c11 = V.MultiplyAdd(x, w2, c11); }
                if (TRows.Value > 12) { V x = V.Broadcast(*(float*)(a12 + 2 * step)); if (TRows.Value > 13) c13 = V.MultiplyAdd(x, w1, c13); c12 = V.MultiplyAdd(x, w2, c12); }
                if (TRows.Value > 13) { V x = V.Broadcast(*(float*)a15); c13 = V.MultiplyAdd(x, w2, c13); }
                a0 += sizeof(float);
                if (TRows.Value > 1) a3 += sizeof(float);
                if (TRows.Value > 4) a6 += sizeof(float);
                if (TRows.Value > 7) a9 += sizeof(float);
                if (TRows.Value > 10) a12 += sizeof(float);
                if (TRows.Value > 13) a15 += sizeof(float);
            }
        }

        float* to = t->Acc;
        V.Store(to, c0);
        if (TRows.Value > 1) V.Store(to + t->AccStride, c1);
        if (TRows.Value > 2) V.Store(to + 2 * t->AccStride, c2);
        if (TRows.Value > 3) V.Store(to + 3 * t->AccStride, c3);
        if (TRows.Value > 4) V.Store(to + 4 * t->AccStride, c4);
        if (TRows.Value > 5) V.Store(to + 5 * t->AccStride, c5);
        if (TRows.Value > 6) V.Store(to + 6 * t->AccStride, c6);
        if (TRows.Value > 7) V.Store(to + 7 * t->AccStride, c7);
        if (TRows.Value > 8) V.Store(to + 8 * t->AccStride, c8);
        if (TRows.Value > 9) V.Store(to + 9 * t->AccStride, c9);
        if (TRows.Value > 10) V.Store(to + 10 * t->AccStride, c10);
        if (TRows.Value > 11) V.Store(to + 11 * t->AccStride, c11);
        if (TRows.Value > 12) V.Store(to + 12 * t->AccStride, c12);
        if (TRows.Value > 13) V.Store(to + 13 * t->AccStride, c13);
    }
}

/// <summary>Chooses the compiled <see cref="SlidingTile{V,TRows}"/> for a tile's size.</summary>
internal static unsafe class SlidingTile<V> where V : struct, IVec<V>
{
    /// <summary>Whether the tile is meant for a convolution; depends on its shape only, so that every vector width sums in the same order.</summary>
    public static bool Suits(in TapConv conv) =>
        conv.W is { Count: 3, Step: 1, Stride: 1 } && conv.H.Count > 0 && conv.GroupOut <= 16 && conv.PackedImageStride == 0;

    /// <summary>Computes a tile of <paramref name="rows"/> outputs (1 to 14), within <see cref="IVec{V}.MaxSlidingRows"/> for speed.</summary>
    public static void Run(int rows, SlidingTileArgs* t)
    {
        switch (rows)
        {
            case 1: SlidingTile<V, N1>.Run(t); break;
            case 2: SlidingTile<V, N2>.Run(t); break;
            case 3: SlidingTile<V, N3>.Run(t); break;
            case 4: SlidingTile<V, N4>.Run(t); break;
            case 5: SlidingTile<V, N5>.Run(t); break;
            case 6: SlidingTile<V, N6>.Run(t); break;
            case 7: SlidingTile<V, N7>.Run(t); break;
            case 8: SlidingTile<V, N8>.Run(t); break;
            case 9: SlidingTile<V, N9>.Run(t); break;
            case 10: SlidingTile<V, N10>.Run(t); break;
            case 11: SlidingTile<V, N11>.Run(t); break;
            case 12: SlidingTile<V, N12>.Run(t); break;
            case 13: SlidingTile<V, N13>.Run(t); break;
            case 14: SlidingTile<V, N14>.Run(t); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows), rows, "A tile has 1 to 14 outputs.");
        }
    }
}
