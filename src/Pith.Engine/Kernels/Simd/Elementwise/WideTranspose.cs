using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Transposes of 32-bit elements by tiles of 16 x 16 in AVX-512 registers: every line of memory is read and written once, as a whole.</summary>
internal static unsafe class WideTranspose
{
    /// <summary>Elements of a tile on either side.</summary>
    public const int Tile = 16;

    /// <summary>Whether the machine has the instructions.</summary>
    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>to[c, r] = from[r, c]; strides in bytes from row to row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* from, nint fromStride, byte* to, nint toStride, nint rows, nint columns)
    {
        for (nint row = 0; row < rows; row += Tile)
        {
            // The last tile is moved back to the edge: some elements are copied twice. A side shorter than a tile is masked.
            var r = nint.Max(0, nint.Min(row, rows - Tile));
            for (nint column = 0; column < columns; column += Tile)
            {
                var c = nint.Max(0, nint.Min(column, columns - Tile));
                byte* source = from + r * fromStride + c * sizeof(uint), target = to + c * toStride + r * sizeof(uint);
                if (rows >= Tile && columns >= Tile) CopyTile(source, fromStride, target, toStride);
                else CopyPartialTile(source, fromStride, target, toStride, (int)nint.Min(rows, Tile), (int)nint.Min(columns, Tile));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyTile(byte* from, nint stride, byte* to, nint toStride)
    {
        // Quarters of vectors of one name hold four rows of one column each.
        var (a0, a1, a2, a3) = FourRows(Load(from), Load(from + stride), Load(from + 2 * stride), Load(from + 3 * stride));
        from += 4 * stride;
        var (b0, b1, b2, b3) = FourRows(Load(from), Load(from + stride), Load(from + 2 * stride), Load(from + 3 * stride));
        from += 4 * stride;
        var (c0, c1, c2, c3) = FourRows(Load(from), Load(from + stride), Load(from + 2 * stride), Load(from + 3 * stride));
        from += 4 * stride;
        var (d0, d1, d2, d3) = FourRows(Load(from), Load(from + stride), Load(from + 2 * stride), Load(from + 3 * stride));
        StoreColumns(a0, b0, c0, d0, to, 4 * toStride);
        StoreColumns(a1, b1, c1, d1, to + toStride, 4 * toStride);
        StoreColumns(a2, b2, c2, d2, to + 2 * toStride, 4 * toStride);
        StoreColumns(a3, b3, c3, d3, to + 3 * toStride, 4 * toStride);
    }

    // Rows beyond the last are copies of it, which are not stored.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyPartialTile(byte* from, nint stride, byte* to, nint toStride, int rows, int columns)
    {
        var mask = FirstLanes(columns);
        var last = from + (rows - 1) * stride;
        var (a0, a1, a2, a3) = FourRows(ref from, stride, last, mask);
        var (b0, b1, b2, b3) = FourRows(ref from, stride, last, mask);
        var (c0, c1, c2, c3) = FourRows(ref from, stride, last, mask);
        var (d0, d1, d2, d3) = FourRows(ref from, stride, last, mask);
        mask = FirstLanes(rows);
        StoreColumns(a0, b0, c0, d0, to, 4 * toStride, columns, mask);
        StoreColumns(a1, b1, c1, d1, to + toStride, 4 * toStride, columns - 1, mask);
        StoreColumns(a2, b2, c2, d2, to + 2 * toStride, 4 * toStride, columns - 2, mask);
        StoreColumns(a3, b3, c3, d3, to + 3 * toStride, 4 * toStride, columns - 3, mask);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) FourRows(ref byte* from, nint stride, byte* last, Vector512<float> mask)
    {
        Vector512<float> r0 = Avx512F.MaskLoad((float*)from, mask, Vector512<float>.Zero);
        from = Next(from, stride, last);
        Vector512<float> r1 = Avx512F.MaskLoad((float*)from, mask, Vector512<float>.Zero);
        from = Next(from, stride, last);
        Vector512<float> r2 = Avx512F.MaskLoad((float*)from, mask, Vector512<float>.Zero);
        from = Next(from, stride, last);
        Vector512<float> r3 = Avx512F.MaskLoad((float*)from, mask, Vector512<float>.Zero);
        from = Next(from, stride, last);
        return FourRows(r0, r1, r2, r3);
    }

    // Rows follow each other upwards or downwards.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Next(byte* row, nint stride, byte* last) => row == last ? last : row + stride;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(byte* from) => Vector512.Load((float*)from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> FirstLanes(int count) => Vector512.GreaterThan(Vector512.Create(count), Vector512<int>.Indices).AsSingle();

    // Quarter q of result k is column 4 q + k of the four rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float>, Vector512<float>, Vector512<float>, Vector512<float>) FourRows(Vector512<float> r0, Vector512<float> r1, Vector512<float> r2, Vector512<float> r3)
    {
        Vector512<double> low01 = Avx512F.UnpackLow(r0, r1).AsDouble(), high01 = Avx512F.UnpackHigh(r0, r1).AsDouble(), low23 = Avx512F.UnpackLow(r2, r3).AsDouble(), high23 = Avx512F.UnpackHigh(r2, r3).AsDouble();
        return (Avx512F.UnpackLow(low01, low23).AsSingle(), Avx512F.UnpackHigh(low01, low23).AsSingle(), Avx512F.UnpackLow(high01, high23).AsSingle(), Avx512F.UnpackHigh(high01, high23).AsSingle());
    }

    // Column q is quarter q of all four.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreColumns(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, byte* to, nint stride)
    {
        const byte even = 0b10_00_10_00, odd = 0b11_01_11_01;
        Vector512<float> evenAb = Avx512F.Shuffle4x128(a, b, even), oddAb = Avx512F.Shuffle4x128(a, b, odd), evenCd = Avx512F.Shuffle4x128(c, d, even), oddCd = Avx512F.Shuffle4x128(c, d, odd);
        Avx512F.Shuffle4x128(evenAb, evenCd, even).Store((float*)to);
        Avx512F.Shuffle4x128(oddAb, oddCd, even).Store((float*)(to + stride));
        Avx512F.Shuffle4x128(evenAb, evenCd, odd).Store((float*)(to + 2 * stride));
        Avx512F.Shuffle4x128(oddAb, oddCd, odd).Store((float*)(to + 3 * stride));
    }

    // The same, as far as there are columns, which count four to a quarter.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreColumns(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, byte* to, nint stride, int columns, Vector512<float> mask)
    {
        const byte even = 0b10_00_10_00, odd = 0b11_01_11_01;
        if (columns <= 0) return;
        Vector512<float> evenAb = Avx512F.Shuffle4x128(a, b, even), evenCd = Avx512F.Shuffle4x128(c, d, even);
        Avx512F.MaskStore((float*)to, mask, Avx512F.Shuffle4x128(evenAb, evenCd, even));
        if (columns <= 4) return;
        Vector512<float> oddAb = Avx512F.Shuffle4x128(a, b, odd), oddCd = Avx512F.Shuffle4x128(c, d, odd);
        Avx512F.MaskStore((float*)(to + stride), mask, Avx512F.Shuffle4x128(oddAb, oddCd, even));
        if (columns > 8) Avx512F.MaskStore((float*)(to + 2 * stride), mask, Avx512F.Shuffle4x128(evenAb, evenCd, odd));
        if (columns > 12) Avx512F.MaskStore((float*)(to + 3 * stride), mask, Avx512F.Shuffle4x128(oddAb, oddCd, odd));
    }
}
