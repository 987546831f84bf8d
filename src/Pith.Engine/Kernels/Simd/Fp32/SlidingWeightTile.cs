using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of one <see cref="SlidingWeightTile{V,TRows}"/>.</summary>
internal unsafe struct SlidingWeightTileArgs
{
    /// <summary>Origin of the input; the first channel of a run's first pixel is <c>run.Offset</c> bytes on.</summary>
    public float* A;

    /// <summary>
    /// Output gradient of the pixel under the first run's first input with tap 0. Each row of them is followed by two pixels of zeros, and two come before the first.
    /// </summary>
    public float* B;

    /// <summary>Sums of tap 0 and the first channel.</summary>
    public float* Acc;

    /// <summary>Runs of input pixels: for every row of output pixels as many and two more.</summary>
    public TileRun* Runs;

    /// <summary>Number of <see cref="Runs"/>.</summary>
    public int RunCount;

    /// <summary>Non-zero: add to what <see cref="Acc"/> holds; zero: overwrite it.</summary>
    public int Accumulate;

    /// <summary>Bytes between neighbouring input pixels.</summary>
    public nint AStep;

    /// <summary>Bytes between the gradients of neighbouring pixels.</summary>
    public nint BStep;

    /// <summary>Floats between the sums of neighbouring channels.</summary>
    public nint AccStride;

    /// <summary>Floats between the sums of neighbouring taps.</summary>
    public nint AccTapStride;
}

/// <summary>
/// Weight gradients of three neighbouring taps by a few channels, one vector of output channels wide, for a stride of 1: an input pixel meets tap 0 at its own output,
/// tap 1 at the one before and tap 2 at the one before that, so each input is broadcast once and not three times.
/// </summary>
internal static unsafe class SlidingWeightTile<V, TRows>
    where V : struct, IVec<V>
    where TRows : struct, ICount
{
    /// <summary>Computes one tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(SlidingWeightTileArgs* t)
    {
        V c0a = V.Zero, c0b = V.Zero, c0c = V.Zero;
        V c1a = V.Zero, c1b = V.Zero, c1c = V.Zero;
        V c2a = V.Zero, c2b = V.Zero, c2c = V.Zero;
        V c3a = V.Zero, c3b = V.Zero, c3c = V.Zero;
        V c4a = V.Zero, c4b = V.Zero, c4c = V.Zero;
        V c5a = V.Zero, c5b = V.Zero, c5c = V.Zero;
        V c6a = V.Zero, c6b = V.Zero, c6c = V.Zero;
        V c7a = V.Zero, c7b = V.Zero, c7c = V.Zero;
        V c8a = V.Zero, c8b = V.Zero, c8c = V.Zero;
        nint tap = t->AccTapStride;
        if (t->Accumulate != 0)
        {
            float* from = t->Acc;
            if (TRows.Value > 0) { c0a = V.Load(from); c0b = V.Load(from + tap); c0c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 1) { c1a = V.Load(from); c1b = V.Load(from + tap); c1c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 2) { c2a = V.Load(from); c2b = V.Load(from + tap); c2c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 3) { c3a = V.Load(from); c3b = V.Load(from + tap); c3c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 4) { c4a = V.Load(from); c4b = V.Load(from + tap); c4c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 5) { c5a = V.Load(from); c5b = V.Load(from + tap); c5c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 6) { c6a = V.Load(from); c6b = V.Load(from + tap); c6c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 7) { c7a = V.Load(from); c7b = V.Load(from + tap); c7c = V.Load(from + 2 * tap); from += t->AccStride; }
            if (TRows.Value > 8) { c8a = V.Load(from); c8b = V.Load(from + tap); c8c = V.Load(from + 2 * tap); from += t->AccStride; }
        }

        nint aStep = t->AStep, bStep = t->BStep;
        byte* b = (byte*)t->B;
        TileRun* run = t->Runs;
        for (var runs = t->RunCount; runs > 0; runs--, run++)
        {
            byte* a = (byte*)t->A + run->Offset;
            for (nint k = run->Length; k > 0; k--, a += aStep)
            {
                V g0 = V.Load((float*)b), g1 = V.Load((float*)(b - bStep)), g2 = V.Load((float*)(b - 2 * bStep));
                b += bStep;
                if (TRows.Value > 0) { V x = V.Broadcast(*(float*)a); c0a = V.MultiplyAdd(x, g0, c0a); c0b = V.MultiplyAdd(x, g1, c0b); c0c = V.MultiplyAdd(x, g2, c0c); }
                if (TRows.Value > 1) { V x = V.Broadcast(*((float*)a + 1)); c1a = V.MultiplyAdd(x, g0, c1a); c1b = V.MultiplyAdd(x, g1, c1b); c1c = V.MultiplyAdd(x, g2, c1c); }
                if (TRows.Value > 2) { V x = V.Broadcast(*((float*)a + 2)); c2a = V.MultiplyAdd(x, g0, c2a); c2b = V.MultiplyAdd(x, g1, c2b); c2c = V.MultiplyAdd(x, g2, c2c); }
                if (TRows.Value > 3) { V x = V.Broadcast(*((float*)a + 3)); c3a = V.MultiplyAdd(x, g0, c3a); c3b = V.MultiplyAdd(x, g1, c3b); c3c = V.MultiplyAdd(x, g2, c3c); }
                if (TRows.Value > 4) { V x = V.Broadcast(*((float*)a + 4)); c4a = V.MultiplyAdd(x, g0, c4a); c4b = V.MultiplyAdd(x, g1, c4b); c4c = V.MultiplyAdd(x, g2, c4c); }
                if (TRows.Value > 5) { V x = V.Broadcast(*((float*)a + 5)); c5a = V.MultiplyAdd(x, g0, c5a); c5b = V.MultiplyAdd(x, g1, c5b); c5c = V.MultiplyAdd(x, g2, c5c); }
                if (TRows.Value > 6) { V x = V.Broadcast(*((float*)a + 6)); c6a = V.MultiplyAdd(x, g0, c6a); c6b = V.MultiplyAdd(x, g1, c6b); c6c = V.MultiplyAdd(x, g2, c6c); }
                if (TRows.Value > 7) { V x = V.Broadcast(*((float*)a + 7)); c7a = V.MultiplyAdd(x, g0, c7a); c7b = V.MultiplyAdd(x, g1, c7b); c7c = V.MultiplyAdd(x, g2, c7c); }
                if (TRows.Value > 8) { V x = V.Broadcast(*((float*)a + 8)); c8a = V.MultiplyAdd(x, g0, c8a); c8b = V.MultiplyAdd(x, g1, c8b); c8c = V.MultiplyAdd(x, g2, c8c); }
            }
        }

        float* to = t->Acc;
        if (TRows.Value > 0) { V.Store(to, c0a); V.Store(to + tap, c0b); V.Store(to + 2 * tap, c0c); to += t->AccStride; }
        if (TRows.Value > 1) { V.Store(to, c1a); V.Store(to + tap, c1b); V.Store(to + 2 * tap, c1c); to += t->AccStride; }
        if (TRows.Value > 2) { V.Store(to, c2a); V.Store(to + tap, c2b); V.Store(to + 2 * tap, c2c); to += t->AccStride; }
        if (TRows.Value > 3) { V.Store(to, c3a); V.Store(to + tap, c3b); V.Store(to + 2 * tap, c3c); to += t->AccStride; }
        if (TRows.Value > 4) { V.Store(to, c4a); V.Store(to + tap, c4b); V.Store(to + 2 * tap, c4c); to += t->AccStride; }
        if (TRows.Value > 5) { V.Store(to, c5a); V.Store(to + tap, c5b); V.Store(to + 2 * tap, c5c); to += t->AccStride; }
        if (TRows.Value > 6) { V.Store(to, c6a); V.Store(to + tap, c6b); V.Store(to + 2 * tap, c6c); to += t->AccStride; }
        if (TRows.Value > 7) { V.Store(to, c7a); V.Store(to + tap, c7b); V.Store(to + 2 * tap, c7c); to += t->AccStride; }
        if (TRows.Value > 8) { V.Store(to, c8a); V.Store(to + tap, c8b); V.Store(to + 2 * tap, c8c); to += t->AccStride; }
    }
}

/// <summary>Chooses the compiled <see cref="SlidingWeightTile{V,TRows}"/> for a tile's size.</summary>
internal static unsafe class SlidingWeightTile<V> where V : struct, IVec<V>
{
    /// <summary>Channels of a tile: three sums each beside three gradients and one broadcast.</summary>
    public static int MaxRows => (2 * V.MaxTileRows - 1) / 3;

    /// <summary>Computes a tile of <paramref name="rows"/> channels (1 to 9), within <see cref="MaxRows"/> for speed.</summary>
    public static void Run(int rows, SlidingWeightTileArgs* t)
    {
        switch (rows)
        {
            case 1: SlidingWeightTile<V, N1>.Run(t); break;
            case 2: SlidingWeightTile<V, N2>.Run(t); break;
            case 3: SlidingWeightTile<V, N3>.Run(t); break;
            case 4: SlidingWeightTile<V, N4>.Run(t); break;
            case 5: SlidingWeightTile<V, N5>.Run(t); break;
            case 6: SlidingWeightTile<V, N6>.Run(t); break;
            case 7: SlidingWeightTile<V, N7>.Run(t); break;
            case 8: SlidingWeightTile<V, N8>.Run(t); break;
            case 9: SlidingWeightTile<V, N9>.Run(t); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows), rows, "A tile has 1 to 9 channels.");
        }
    }
}
