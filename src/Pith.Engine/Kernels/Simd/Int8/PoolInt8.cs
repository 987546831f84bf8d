using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>Pools of padded NHWC bytes, a run of channels of one output pixel at a time.</summary>
internal static unsafe class PoolInt8
{
    // So many bytes can be added in 16 bits.
    private const int Bytes16 = ushort.MaxValue / byte.MaxValue;

    /// <summary>The largest byte of each channel over some pixels.</summary>
    /// <param name="rows">First pixel of each row of the window.</param>
    /// <param name="rowCount">Rows of the window that lie inside the input.</param>
    /// <param name="columns">Columns of the window that lie inside the input.</param>
    /// <param name="columnStride">Bytes between columns of the window.</param>
    /// <param name="channels">Bytes of a pixel.</param>
    /// <param name="output">The result.</param>
    public static void Max(byte** rows, int rowCount, int columns, nint columnStride, int channels, byte* output)
    {
        var c = 0;
        for (; c + Vector128<byte>.Count <= channels; c += Vector128<byte>.Count) MaxOfVector(rows, rowCount, columns, columnStride, c, output);
        if (c == channels) return;
        if (channels >= Vector128<byte>.Count)
        {
            // Overlaps channels that are done already, with the same result.
            MaxOfVector(rows, rowCount, columns, columnStride, channels - Vector128<byte>.Count, output);
            return;
        }
        for (; c < channels; c++)
        {
            byte max = 0;
            for (var r = 0; r < rowCount; r++)
                for (var s = 0; s < columns; s++) max = Math.Max(max, rows[r][s * columnStride + c]);
            output[c] = max;
        }
    }

    private static void MaxOfVector(byte** rows, int rowCount, int columns, nint columnStride, int c, byte* output)
    {
        var max = Vector128<byte>.Zero;
        for (var r = 0; r < rowCount; r++)
        {
            var pixel = rows[r] + c;
            for (var s = 0; s < columns; s++, pixel += columnStride) max = Vector128.Max(max, Vector128.Load(pixel));
        }
        max.Store(output + c);
    }

    /// <summary>Adds up <paramref name="channels"/> (a multiple of 4) bytes of each pixel of a window.</summary>
    public static void Sum(byte** rows, int rowCount, int columns, nint columnStride, int channels, int* sums)
    {
        var c = 0;
        for (; c + 8 <= channels; c += 8) SumOfEight(rows, rowCount, columns, columnStride, c, sums + c);
        for (; c < channels; c++)
        {
            sums[c] = 0;
            for (var r = 0; r < rowCount; r++)
                for (var s = 0; s < columns; s++) sums[c] += rows[r][s * columnStride + c];
        }
    }

    private static void SumOfEight(byte** rows, int rowCount, int columns, nint columnStride, int c, int* sums)
    {
        Vector128<int> low = default, high = default;
        Vector128<ushort> sum = default;
        var room = Bytes16;
        for (var r = 0; r < rowCount; r++)
        {
            var pixel = rows[r] + c;
            for (var s = 0; s < columns; s++, pixel += columnStride)
            {
                sum += Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)pixel).AsByte());
                if (--room > 0) continue;
                Flush(ref sum, ref low, ref high);
                room = Bytes16;
            }
        }
        Flush(ref sum, ref low, ref high);
        low.Store(sums);
        high.Store(sums + 4);
    }

    private static void Flush(ref Vector128<ushort> sum, ref Vector128<int> low, ref Vector128<int> high)
    {
        low += Vector128.WidenLower(sum).AsInt32();
        high += Vector128.WidenUpper(sum).AsInt32();
        sum = default;
    }
}
