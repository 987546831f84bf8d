using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Consecutive reduction steps whose A operands lie <see cref="TileArgs.AStep"/> bytes apart.</summary>
internal struct TileRun
{
    /// <summary>Bytes from <see cref="TileArgs.A"/> to row 0 of the run's first step.</summary>
    public nint Offset;

    /// <summary>Number of steps.</summary>
    public nint Length;
}

/// <summary>Operands of one accumulator tile: <c>Acc[m, n] (+)= sum over k of A[m, k] * B[k, n]</c>.</summary>
internal unsafe struct TileArgs
{
    /// <summary>Origin of the A operand; element (m, k) of a run is at <c>A + run.Offset + m * RowStep + k * AStep</c>.</summary>
    public float* A;

    /// <summary>First B row; the rows of all runs follow each other <see cref="BStep"/> bytes apart.</summary>
    public float* B;

    /// <summary>Top left of the tile's sums.</summary>
    public float* Acc;

    /// <summary>Runs, in the order in which they are summed.</summary>
    public TileRun* Runs;

    /// <summary>Number of <see cref="Runs"/>; none leaves zeros (or what was there, when accumulating).</summary>
    public int RunCount;

    /// <summary>Non-zero: add to what <see cref="Acc"/> holds; zero: overwrite it.</summary>
    public int Accumulate;

    /// <summary>Bytes between A elements of neighbouring rows.</summary>
    public nint RowStep;

    /// <summary>Bytes between A elements of neighbouring steps.</summary>
    public nint AStep;

    /// <summary>Bytes between B rows.</summary>
    public nint BStep;

    /// <summary>Floats between rows of <see cref="Acc"/>.</summary>
    public nint AccStride;
}

/// <summary>
/// The register-tiled multiply under every dense FP32 kernel: <typeparamref name="TRows"/> rows by <typeparamref name="TCols"/> (one or two)
/// vectors of sums stay in registers while the reduction runs, one broadcast of A against each B vector.
/// </summary>
/// <remarks>
/// Each sum is one chain of multiply-adds in the order of the runs, whatever the tile shape and vector width, so results do not
/// depend on how a problem is cut into tiles. 14x32 reaches 95% of the FMA peak in AVX-512; one-vector tiles are bound by the
/// broadcasts (72%). Rows are addressed as five pointers with offsets of 0, 1 and 2 row steps, which fits 15 integer registers.
/// </remarks>
internal static unsafe class GemmTile<V, TRows, TCols>
    where V : struct, IVec<V>
    where TRows : struct, ICount
    where TCols : struct, ICount
{
    /// <summary>Computes one tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(TileArgs* t)
    {
        V c0a = V.Zero, c0b = V.Zero;
        V c1a = V.Zero, c1b = V.Zero;
        V c2a = V.Zero, c2b = V.Zero;
        V c3a = V.Zero, c3b = V.Zero;
        V c4a = V.Zero, c4b = V.Zero;
        V c5a = V.Zero, c5b = V.Zero;
        V c6a = V.Zero, c6b = V.Zero;
        V c7a = V.Zero, c7b = V.Zero;
        V c8a = V.Zero, c8b = V.Zero;
        V c9a = V.Zero, c9b = V.Zero;
        V c10a = V.Zero, c10b = V.Zero;
        V c11a = V.Zero, c11b = V.Zero;
        V c12a = V.Zero, c12b = V.Zero;
        V c13a = V.Zero, c13b = V.Zero;
        if (t->Accumulate != 0)
        {
            float* from = t->Acc;
            if (TRows.Value > 0) { c0a = V.Load(from); if (TCols.Value > 1) c0b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 1) { c1a = V.Load(from); if (TCols.Value > 1) c1b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 2) { c2a = V.Load(from); if (TCols.Value > 1) c2b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 3) { c3a = V.Load(from); if (TCols.Value > 1) c3b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 4) { c4a = V.Load(from); if (TCols.Value > 1) c4b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 5) { c5a = V.Load(from); if (TCols.Value > 1) c5b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 6) { c6a = V.Load(from); if (TCols.Value > 1) c6b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 7) { c7a = V.Load(from); if (TCols.Value > 1) c7b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 8) { c8a = V.Load(from); if (TCols.Value > 1) c8b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 9) { c9a = V.Load(from); if (TCols.Value > 1) c9b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 10) { c10a = V.Load(from); if (TCols.Value > 1) c10b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 11) { c11a = V.Load(from); if (TCols.Value > 1) c11b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 12) { c12a = V.Load(from); if (TCols.Value > 1) c12b = V.Load(from + V.Count); from += t->AccStride; }
            if (TRows.Value > 13) { c13a = V.Load(from); if (TCols.Value > 1) c13b = V.Load(from + V.Count); from += t->AccStride; }
        }

        nint row = t->RowStep, aStep = t->AStep, bStep = t->BStep;
        byte* b = (byte*)t->B;
        TileRun* run = t->Runs;
        for (int runs = t->RunCount; runs > 0; runs--, run++)
        {
            byte* a0 = (byte*)t->A + run->Offset;
            byte* a3 = a0 + 3 * row;
            byte* a6 = a3 + 3 * row;
            byte* a9 = a6 + 3 * row;
            byte* a12 = a9 + 3 * row;
            for (nint k = run->Length; k > 0; k--)
            {
                V b0 = V.Load((float*)b), b1 = TCols.Value > 1 ? V.Load((float*)b + V.Count) : V.Zero;
                b += bStep;
                if (TRows.Value > 0) { V a = V.Broadcast(*(float*)a0); c0a = V.MultiplyAdd(a, b0, c0a); if (TCols.Value > 1) c0b = V.MultiplyAdd(a, b1, c0b); }
                if (TRows.Value > 1) { V a = V.Broadcast(*(float*)(a0 + row)); c1a = V.MultiplyAdd(a, b0, c1a); if (TCols.Value > 1) c1b = V.MultiplyAdd(a, b1, c1b); }
                if (TRows.Value > 2) { V a = V.Broadcast(*(float*)(a0 + 2 * row)); c2a = V.MultiplyAdd(a, b0, c2a); if (TCols.Value > 1) c2b = V.MultiplyAdd(a, b1, c2b); }
                if (TRows.Value > 3) { V a = V.Broadcast(*(float*)a3); c3a = V.MultiplyAdd(a, b0, c3a); if (TCols.Value > 1) c3b = V.MultiplyAdd(a, b1, c3b); }
                if (TRows.Value > 4) { V a = V.Broadcast(*(float*)(a3 + row)); c4a = V.MultiplyAdd(a, b0, c4a); if (TCols.Value > 1) c4b = V.MultiplyAdd(a, b1, c4b); }
                if (TRows.Value > 5) { V a = V.Broadcast(*(float*)(a3 + 2 * row)); c5a = V.MultiplyAdd(a, b0, c5a); if (TCols.Value > 1) c5b = V.MultiplyAdd(a, b1, c5b); }
                if (TRows.Value > 6) { V a = V.Broadcast(*(float*)a6); c6a = V.MultiplyAdd(a, b0, c6a); if (TCols.Value > 1) c6b = V.MultiplyAdd(a, b1, c6b); }
                if (TRows.Value > 7) { V a = V.Broadcast(*(float*)(a6 + row)); c7a = V.MultiplyAdd(a, b0, c7a); if (TCols.Value > 1) c7b = V.MultiplyAdd(a, b1, c7b); }
                if (TRows.Value > 8) { V a = V.Broadcast(*(float*)(a6 + 2 * row)); c8a = V.MultiplyAdd(a, b0, c8a); if (TCols.Value > 1) c8b = V.MultiplyAdd(a, b1, c8b); }
                if (TRows.Value > 9) { V a = V.Broadcast(*(float*)a9); c9a = V.MultiplyAdd(a, b0, c9a); if (TCols.Value > 1) c9b = V.MultiplyAdd(a, b1, c9b); }
                if (TRows.Value > 10) { V a = V.Broadcast(*(float*)(a9 + row)); c10a = V.MultiplyAdd(a, b0, c10a); if (TCols.Value > 1) c10b = V.MultiplyAdd(a, b1, c10b); }
                if (TRows.Value > 11) { V a = V.Broadcast(*(float*)(a9 + 2 * row)); c11a = V.MultiplyAdd(a, b0, c11a); if (TCols.Value > 1) c11b = V.MultiplyAdd(a, b1, c11b); }
                if (TRows.Value > 12) { V a = V.Broadcast(*(float*)a12); c12a = V.MultiplyAdd(a, b0, c12a); if (TCols.Value > 1) c12b = V.MultiplyAdd(a, b1, c12b); }
                if (TRows.Value > 13) { V a = V.Broadcast(*(float*)(a12 + row)); c13a = V.MultiplyAdd(a, b0, c13a); if (TCols.Value > 1) c13b = V.MultiplyAdd(a, b1, c13b); }
                a0 += aStep;
                if (TRows.Value > 3) a3 += aStep;
                if (TRows.Value > 6) a6 += aStep;
                if (TRows.Value > 9) a9 += aStep;
                if (TRows.Value > 12) a12 += aStep;
            }
        }

        float* to = t->Acc;
        if (TRows.Value > 0) { V.Store(to, c0a); if (TCols.Value > 1) V.Store(to + V.Count, c0b); to += t->AccStride; }
        if (TRows.Value > 1) { V.Store(to, c1a); if (TCols.Value > 1) V.Store(to + V.Count, c1b); to += t->AccStride; }
        if (TRows.Value > 2) { V.Store(to, c2a); if (TCols.Value > 1) V.Store(to + V.Count, c2b); to += t->AccStride; }
        if (TRows.Value > 3) { V.Store(to, c3a); if (TCols.Value > 1) V.Store(to + V.Count, c3b); to += t->AccStride; }
        if (TRows.Value > 4) { V.Store(to, c4a); if (TCols.Value > 1) V.Store(to + V.Count, c4b); to += t->AccStride; }
        if (TRows.Value > 5) { V.Store(to, c5a); if (TCols.Value > 1) V.Store(to + V.Count, c5b); to += t->AccStride; }
        if (TRows.Value > 6) { V.Store(to, c6a); if (TCols.Value > 1) V.Store(to + V.Count, c6b); to += t->AccStride; }
        if (TRows.Value > 7) { V.Store(to, c7a); if (TCols.Value > 1) V.Store(to + V.Count, c7b); to += t->AccStride; }
        if (TRows.Value > 8) { V.Store(to, c8a); if (TCols.Value > 1) V.Store(to + V.Count, c8b); to += t->AccStride; }
        if (TRows.Value > 9) { V.Store(to, c9a); if (TCols.Value > 1) V.Store(to + V.Count, c9b); to += t->AccStride; }
        if (TRows.Value > 10) { V.Store(to, c10a); if (TCols.Value > 1) V.Store(to + V.Count, c10b); to += t->AccStride; }
        if (TRows.Value > 11) { V.Store(to, c11a); if (TCols.Value > 1) V.Store(to + V.Count, c11b); to += t->AccStride; }
        if (TRows.Value > 12) { V.Store(to, c12a); if (TCols.Value > 1) V.Store(to + V.Count, c12b); to += t->AccStride; }
        if (TRows.Value > 13) { V.Store(to, c13a); if (TCols.Value > 1) V.Store(to + V.Count, c13b); to += t->AccStride; }
    }
}

/// <summary>Chooses the compiled <see cref="GemmTile{V,TRows,TCols}"/> for a tile's size.</summary>
internal static unsafe class GemmTile<V> where V : struct, IVec<V>
{
    /// <summary>Computes a tile of <paramref name="rows"/> (1 to <see cref="IVec{V}.MaxTileRows"/>) by <paramref name="vectors"/> (1 or 2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int rows, int vectors, TileArgs* t)
    {
        if (vectors == 1) Run<N1>(rows, t);
        else Run<N2>(rows, t);
    }

    private static void Run<TCols>(int rows, TileArgs* t) where TCols : struct, ICount
    {
        switch (rows)
        {
            case 1: GemmTile<V, N1, TCols>.Run(t); break;
            case 2: GemmTile<V, N2, TCols>.Run(t); break;
            case 3: GemmTile<V, N3, TCols>.Run(t); break;
            case 4: GemmTile<V, N4, TCols>.Run(t); break;
            case 5: GemmTile<V, N5, TCols>.Run(t); break;
            case 6: GemmTile<V, N6, TCols>.Run(t); break;
            case 7: GemmTile<V, N7, TCols>.Run(t); break;
            case 8: GemmTile<V, N8, TCols>.Run(t); break;
            case 9: GemmTile<V, N9, TCols>.Run(t); break;
            case 10: GemmTile<V, N10, TCols>.Run(t); break;
            case 11: GemmTile<V, N11, TCols>.Run(t); break;
            case 12: GemmTile<V, N12, TCols>.Run(t); break;
            case 13: GemmTile<V, N13, TCols>.Run(t); break;
            case 14: GemmTile<V, N14, TCols>.Run(t); break;
            default: throw new ArgumentOutOfRangeException(nameof(rows), rows, "A tile has 1 to 14 rows.");
        }
    }
}
