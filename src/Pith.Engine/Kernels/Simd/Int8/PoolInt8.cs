using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>
/// Pools of padded NHWC bytes, all channels of one output pixel at a time in the widest vectors that are allowed. A run of channels that is not a multiple of 16 ends with a vector that overlaps
/// the one before, with the same result.
/// </summary>
internal static unsafe class PoolInt8
{
    // So many bytes can be added in 16 bits.
    private const int Bytes16 = ushort.MaxValue / byte.MaxValue;

    /// <summary>The largest of the bytes at each position of some rows: with rows of an image, the maximum along a column of windows for all their pixels at once.</summary>
    /// <param name="rows">The rows, as many as <paramref name="count"/>, which is at least 1.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="bytes">Bytes of a row; at least 16.</param>
    /// <param name="isWide">Whether vectors of 512 bits may be used.</param>
    /// <param name="output">The result.</param>
    public static void Max(byte** rows, int count, nint bytes, bool isWide, byte* output)
    {
        nint at = 0;
        if (isWide)
            for (; at + Vector512<byte>.Count <= bytes; at += Vector512<byte>.Count)
            {
                var max = Vector512.Load(rows[0] + at);
                for (var r = 1; r < count; r++) max = Vector512.Max(max, Vector512.Load(rows[r] + at));
                max.Store(output + at);
            }
        for (; at + Vector256<byte>.Count <= bytes; at += Vector256<byte>.Count)
        {
            var max = Vector256.Load(rows[0] + at);
            for (var r = 1; r < count; r++) max = Vector256.Max(max, Vector256.Load(rows[r] + at));
            max.Store(output + at);
        }
        for (; at < bytes; at += Vector128<byte>.Count)
        {
            // The last vector overlaps the one before.
            at = Math.Min(at, bytes - Vector128<byte>.Count);
            var max = Vector128.Load(rows[0] + at);
            for (var r = 1; r < count; r++) max = Vector128.Max(max, Vector128.Load(rows[r] + at));
            max.Store(output + at);
        }
    }

    /// <summary>The maximum along the windows of neighbouring pixels of a row, which all lie inside the row.</summary>
    /// <param name="first">The first pixel of the first window.</param>
    /// <param name="step">Bytes from window to window.</param>
    /// <param name="windows">Number of windows.</param>
    /// <param name="taps">Pixels of a window, at least 1.</param>
    /// <param name="tapBytes">Bytes from one to the next.</param>
    /// <param name="channels">Bytes of a pixel; at least 16.</param>
    /// <param name="isWide">Whether vectors of 512 bits may be used.</param>
    /// <param name="output">The results, one pixel after the other.</param>
    public static void MaxOfRow(byte* first, nint step, int windows, int taps, nint tapBytes, nint channels, bool isWide, byte* output)
    {
        for (var w = 0; w < windows; w++, first += step, output += channels)
        {
            nint at = 0;
            if (isWide)
                for (; at + Vector512<byte>.Count <= channels; at += Vector512<byte>.Count)
                {
                    var tap = first + at;
                    var max = Vector512.Load(tap);
                    for (var t = 1; t < taps; t++) max = Vector512.Max(max, Vector512.Load(tap += tapBytes));
                    max.Store(output + at);
                }
            for (; at < channels; at += Vector128<byte>.Count)
            {
                // The last vector overlaps the one before.
                at = Math.Min(at, channels - Vector128<byte>.Count);
                var tap = first + at;
                var max = Vector128.Load(tap);
                for (var t = 1; t < taps; t++) max = Vector128.Max(max, Vector128.Load(tap += tapBytes));
                max.Store(output + at);
            }
        }
    }

    /// <summary>Adds up <paramref name="channels"/> (a multiple of 4) bytes of each pixel of a window.</summary>
    public static void Sum(byte** rows, int rowCount, int columns, nint columnStride, int channels, bool isWide, int* sums)
    {
        var c = 0;
        if (isWide)
            for (; c + Vector512<byte>.Count <= channels; c += Vector512<byte>.Count) Sum512(rows, rowCount, columns, columnStride, c, sums + c);
        for (; c + Vector128<byte>.Count <= channels; c += Vector128<byte>.Count) Sum128(rows, rowCount, columns, columnStride, c, sums + c);
        for (; c < channels; c++)
        {
            sums[c] = 0;
            for (var r = 0; r < rowCount; r++)
                for (var s = 0; s < columns; s++) sums[c] += rows[r][s * columnStride + c];
        }
    }

    private static void Sum512(byte** rows, int rowCount, int columns, nint columnStride, int c, int* sums)
    {
        new Span<int>(sums, Vector512<byte>.Count).Clear();
        Vector512<ushort> low = default, high = default;
        var room = Bytes16;
        for (var r = 0; r < rowCount; r++)
        {
            var pixel = rows[r] + c;
            for (var s = 0; s < columns; s++, pixel += columnStride)
            {
                low += Vector512.WidenLower(Vector512.Load(pixel));
                high += Vector512.WidenUpper(Vector512.Load(pixel));
                if (--room > 0) continue;
                Add(low, high, sums);
                (low, high, room) = (default, default, Bytes16);
            }
        }
        Add(low, high, sums);
    }

    private static void Add(Vector512<ushort> low, Vector512<ushort> high, int* sums)
    {
        (Vector512.Load(sums) + Vector512.WidenLower(low).AsInt32()).Store(sums);
        (Vector512.Load(sums + 16) + Vector512.WidenUpper(low).AsInt32()).Store(sums + 16);
        (Vector512.Load(sums + 32) + Vector512.WidenLower(high).AsInt32()).Store(sums + 32);
        (Vector512.Load(sums + 48) + Vector512.WidenUpper(high).AsInt32()).Store(sums + 48);
    }

    private static void Sum128(byte** rows, int rowCount, int columns, nint columnStride, int c, int* sums)
    {
        new Span<int>(sums, Vector128<byte>.Count).Clear();
        Vector128<ushort> low = default, high = default;
        var room = Bytes16;
        for (var r = 0; r < rowCount; r++)
        {
            var pixel = rows[r] + c;
            for (var s = 0; s < columns; s++, pixel += columnStride)
            {
                var bytes = Vector128.Load(pixel);
                low += Vector128.WidenLower(bytes);
                high += Vector128.WidenUpper(bytes);
                if (--room > 0) continue;
                Add(low, high, sums);
                (low, high, room) = (default, default, Bytes16);
            }
        }
        Add(low, high, sums);
    }

    private static void Add(Vector128<ushort> low, Vector128<ushort> high, int* sums)
    {
        (Vector128.Load(sums) + Vector128.WidenLower(low).AsInt32()).Store(sums);
        (Vector128.Load(sums + 4) + Vector128.WidenUpper(low).AsInt32()).Store(sums + 4);
        (Vector128.Load(sums + 8) + Vector128.WidenLower(high).AsInt32()).Store(sums + 8);
        (Vector128.Load(sums + 12) + Vector128.WidenUpper(high).AsInt32()).Store(sums + 12);
    }
}
