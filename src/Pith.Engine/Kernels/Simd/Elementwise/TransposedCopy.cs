using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Transposes matrices of elements of 1, 2, 4 or 8 bytes whose rows may lie apart: 8 x 8 bytes, 16 x 16 (AVX-512), 8 x 8 (AVX) or 4 x 4 words in registers where SSE2 is there, else one by one in blocks of cache lines.</summary>
internal static unsafe class TransposedCopy
{
    private const int LineBytes = 64;

    // Elements of a tile in registers on either side, of 1 byte, and of 4.
    private const int ByteTile = 8, WordBlock = 4, WideWordTile = 8;

    /// <summary>to[c, r] = from[r, c].</summary>
    /// <param name="from">[<paramref name="rows"/>, <paramref name="columns"/>]</param>
    /// <param name="fromStride">Bytes from row to row of <paramref name="from"/>.</param>
    /// <param name="to">[<paramref name="columns"/>, <paramref name="rows"/>]; shares no memory with <paramref name="from"/>.</param>
    /// <param name="toStride">Bytes from row to row of <paramref name="to"/>.</param>
    /// <param name="rows">Rows that are read.</param>
    /// <param name="columns">Rows that are written.</param>
    public static void Run<T>(byte* from, nint fromStride, byte* to, nint toStride, nint rows, nint columns) where T : unmanaged
    {
        if (rows == 2 && toStride == 2 * sizeof(T))
        {
            PairCopy.Interleave<T>((T*)from, (T*)(from + fromStride), (T*)to, columns);
            return;
        }
        if (columns == 2 && fromStride == 2 * sizeof(T))
        {
            PairCopy.Separate<T>((T*)from, (T*)to, (T*)(to + toStride), rows);
            return;
        }
        if (sizeof(T) == sizeof(uint) && WideTranspose.IsSupported)
        {
            if (rows == 3 && toStride == 3 * sizeof(uint) && fromStride % sizeof(uint) == 0)
            {
                TripleCopy.Interleave((uint*)from, fromStride / sizeof(uint), (uint*)to, columns);
                return;
            }
            if (columns == 3 && fromStride == 3 * sizeof(uint) && toStride % sizeof(uint) == 0)
            {
                TripleCopy.Separate((uint*)from, (uint*)to, toStride / sizeof(uint), rows);
                return;
            }
            // Of fewer than five rows or columns a tile would waste most.
            if (rows > WordBlock && columns > WordBlock)
            {
                WideTranspose.Run(from, fromStride, to, toStride, rows, columns);
                return;
            }
        }
        // Lines of what is read, and of what is written.
        nint block = LineBytes / sizeof(T);
        for (nint row = 0; row < rows; row += block)
            for (nint column = 0; column < columns; column += block)
                CopyBlock<T>(from + row * fromStride + column * sizeof(T), fromStride, to + column * toStride + row * sizeof(T), toStride, nint.Min(block, rows - row), nint.Min(block, columns - column));
    }

    private static void CopyBlock<T>(byte* from, nint fromStride, byte* to, nint toStride, nint rows, nint columns) where T : unmanaged
    {
        if (Sse2.IsSupported && sizeof(T) == 1 && rows >= ByteTile && columns >= ByteTile)
        {
            // The last tile is moved back to the edge: some elements are copied twice.
            for (nint row = 0; row < rows; row += ByteTile)
            {
                var r = nint.Min(row, rows - ByteTile);
                for (nint column = 0; column < columns; column += ByteTile)
                {
                    var c = nint.Min(column, columns - ByteTile);
                    CopyByteTile(from + r * fromStride + c, fromStride, to + c * toStride + r, toStride);
                }
            }
        }
        else if (Avx.IsSupported && sizeof(T) == 4 && rows >= WideWordTile && columns >= WideWordTile)
        {
            for (nint column = 0; column < columns; column += WideWordTile)
            {
                var c = nint.Min(column, columns - WideWordTile);
                for (nint row = 0; row < rows; row += WideWordTile)
                {
                    var r = nint.Min(row, rows - WideWordTile);
                    CopyWideWordTile(from + r * fromStride + c * sizeof(T), fromStride, to + c * toStride + r * sizeof(T), toStride);
                }
            }
        }
        else if (Sse2.IsSupported && sizeof(T) == 4 && rows >= WordBlock && columns >= WordBlock)
        {
            for (nint column = 0; column < columns; column += WordBlock)
            {
                var c = nint.Min(column, columns - WordBlock);
                for (nint row = 0; row < rows; row += WordBlock)
                {
                    var r = nint.Min(row, rows - WordBlock);
                    CopyWordTile(from + r * fromStride + c * sizeof(T), fromStride, to + c * toStride + r * sizeof(T), toStride);
                }
            }
        }
        else
        {
            for (nint column = 0; column < columns; column++)
            {
                var source = from + column * sizeof(T);
                var destination = (T*)(to + column * toStride);
                for (nint row = 0; row < rows; row++, source += fromStride) destination[row] = *(T*)source;
            }
        }
    }

    // Three times the first half of the vectors is interleaved with the second; two rows share a vector.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyByteTile(byte* from, nint stride, byte* to, nint toStride)
    {
        var last = from + 4 * stride;
        Vector128<byte> r04 = Sse2.UnpackLow(Half(from), Half(last)), r15 = Sse2.UnpackLow(Half(from + stride), Half(last + stride));
        Vector128<byte> r26 = Sse2.UnpackLow(Half(from + 2 * stride), Half(last + 2 * stride)), r37 = Sse2.UnpackLow(Half(from + 3 * stride), Half(last + 3 * stride));
        Vector128<byte> even = Sse2.UnpackLow(r04, r26), even2 = Sse2.UnpackHigh(r04, r26), odd = Sse2.UnpackLow(r15, r37), odd2 = Sse2.UnpackHigh(r15, r37);
        StoreHalves(Sse2.UnpackLow(even, odd), to, toStride);
        StoreHalves(Sse2.UnpackHigh(even, odd), to + 2 * toStride, toStride);
        StoreHalves(Sse2.UnpackLow(even2, odd2), to + 4 * toStride, toStride);
        StoreHalves(Sse2.UnpackHigh(even2, odd2), to + 6 * toStride, toStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Half(byte* from) => Vector128.CreateScalarUnsafe(*(ulong*)from).AsByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreHalves(Vector128<byte> rows, byte* to, nint stride)
    {
        Sse2.StoreLow((double*)to, rows.AsDouble());
        Sse2.StoreHigh((double*)(to + stride), rows.AsDouble());
    }

    // Two tiles of 8 rows and 4 columns, whose upper and lower four rows share vectors, so that nothing crosses the halves.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyWideWordTile(byte* from, nint stride, byte* to, nint toStride)
    {
        CopyTallTile(from, stride, to, toStride);
        CopyTallTile(from + 4 * sizeof(float), stride, to + 4 * toStride, toStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyTallTile(byte* from, nint stride, byte* to, nint toStride)
    {
        var lower = from + 4 * stride;
        Vector256<float> r0 = Halves(from, lower), r1 = Halves(from + stride, lower + stride), r2 = Halves(from + 2 * stride, lower + 2 * stride), r3 = Halves(from + 3 * stride, lower + 3 * stride);
        Vector256<float> low01 = Avx.UnpackLow(r0, r1), high01 = Avx.UnpackHigh(r0, r1), low23 = Avx.UnpackLow(r2, r3), high23 = Avx.UnpackHigh(r2, r3);
        Avx.Shuffle(low01, low23, 0b01_00_01_00).Store((float*)to);
        Avx.Shuffle(low01, low23, 0b11_10_11_10).Store((float*)(to + toStride));
        Avx.Shuffle(high01, high23, 0b01_00_01_00).Store((float*)(to + 2 * toStride));
        Avx.Shuffle(high01, high23, 0b11_10_11_10).Store((float*)(to + 3 * toStride));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Halves(byte* first, byte* second) => Vector256.Create(Vector128.Load((float*)first), Vector128.Load((float*)second));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyWordTile(byte* from, nint stride, byte* to, nint toStride)
    {
        Vector128<uint> r0 = Vector128.Load((uint*)from), r1 = Vector128.Load((uint*)(from + stride)), r2 = Vector128.Load((uint*)(from + 2 * stride)), r3 = Vector128.Load((uint*)(from + 3 * stride));
        Vector128<uint> even = Sse2.UnpackLow(r0, r2), even2 = Sse2.UnpackHigh(r0, r2), odd = Sse2.UnpackLow(r1, r3), odd2 = Sse2.UnpackHigh(r1, r3);
        Sse2.UnpackLow(even, odd).Store((uint*)to);
        Sse2.UnpackHigh(even, odd).Store((uint*)(to + toStride));
        Sse2.UnpackLow(even2, odd2).Store((uint*)(to + 2 * toStride));
        Sse2.UnpackHigh(even2, odd2).Store((uint*)(to + 3 * toStride));
    }
}
