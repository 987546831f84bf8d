using System.Runtime.InteropServices;

namespace Pith.Ops;

/// <summary>
/// The one loop behind the ops that only move elements. Each axis of the result has a table of offsets into the source, and element [i0, i1, …] of the
/// result is the source element at table0[i0] + table1[i1] + …, or the fill element where one of the entries is <see cref="Fill"/>.
/// </summary>
internal static class IndexedCopy
{
    /// <summary>The table entry of positions that hold no source element.</summary>
    public const int Fill = -1;

    /// <summary>A table of <paramref name="count"/> entries: start · stride, (start + step) · stride, …</summary>
    public static int[] Table(int count, int stride, int start = 0, int step = 1)
    {
        var table = new int[count];
        for (var i = 0; i < count; i++) table[i] = (start + i * step) * stride;
        return table;
    }

    /// <summary>The tensor that the tables describe; its shape is their lengths.</summary>
    /// <param name="source">Where elements come from.</param>
    /// <param name="tables">One table per axis of the result.</param>
    /// <param name="fill">A scalar of the source's type, needed when a table has an entry <see cref="Fill"/>.</param>
    public static Tensor Read(Tensor source, int[][] tables, Tensor? fill = null)
    {
        var result = Tensor.Zeros(source.DataType, new Shape(Array.ConvertAll(tables, table => table.Length)));
        var fillBytes = (fill ?? Tensor.Zeros(source.DataType, new Shape())).Bytes;
        switch (source.DataType.SizeInBytes())
        {
            case 1: Copy<byte>(source.Bytes, result.Bytes, tables, fillBytes); break;
            case 2: Copy<ushort>(source.Bytes, result.Bytes, tables, fillBytes); break;
            case 4: Copy<uint>(source.Bytes, result.Bytes, tables, fillBytes); break;
            default: Copy<ulong>(source.Bytes, result.Bytes, tables, fillBytes); break;
        }
        return result;
    }

    /// <summary><paramref name="source"/> stretched to <paramref name="shape"/>, with which it is known to broadcast; always a copy.</summary>
    public static Tensor Expand(Tensor source, Shape shape)
    {
        var strides = Broadcasting.Strides(source.Shape, shape);
        return Read(source, [.. strides.Select((stride, axis) => Table(shape[axis], stride))]);
    }

    private static void Copy<T>(ReadOnlySpan<byte> source, Span<byte> result, int[][] tables, ReadOnlySpan<byte> fill) where T : unmanaged =>
        CopyAxis(MemoryMarshal.Cast<byte, T>(source), MemoryMarshal.Cast<byte, T>(result), tables, axis: 0, offset: 0, MemoryMarshal.Read<T>(fill));

    // result is the block of elements after one position of the axes before this one.
    private static void CopyAxis<T>(ReadOnlySpan<T> source, Span<T> result, int[][] tables, int axis, int offset, T fill) where T : unmanaged
    {
        if (axis == tables.Length)
        {
            result[0] = source[offset];
            return;
        }
        var table = tables[axis];
        var block = table.Length == 0 ? 0 : result.Length / table.Length;
        for (var i = 0; i < table.Length; i++)
        {
            if (table[i] == Fill) result.Slice(i * block, block).Fill(fill);
            else if (axis == tables.Length - 1) result[i] = source[offset + table[i]];
            else CopyAxis(source, result.Slice(i * block, block), tables, axis + 1, offset + table[i], fill);
        }
    }
}
