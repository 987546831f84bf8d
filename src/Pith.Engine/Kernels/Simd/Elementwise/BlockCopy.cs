using System.Runtime.Intrinsics;

namespace Pith.Kernels.Simd;

/// <summary>Copies blocks of one size that lie apart. Short blocks, which a call would cost more than to copy, go through registers: two that overlap hold any size between theirs.</summary>
internal static unsafe class BlockCopy
{
    /// <param name="from">The first block.</param>
    /// <param name="fromStride">Bytes from block to block where they come from; 0 repeats one.</param>
    /// <param name="to">Where the first goes.</param>
    /// <param name="toStride">Bytes from block to block where they go; at least <paramref name="bytes"/>.</param>
    /// <param name="bytes">Bytes of a block.</param>
    /// <param name="count">Blocks.</param>
    public static void Run(byte* from, nint fromStride, byte* to, nint toStride, nint bytes, nint count)
    {
        switch (bytes)
        {
            case 1: Elements<byte>(from, fromStride, to, toStride, count); break;
            case 2: Elements<ushort>(from, fromStride, to, toStride, count); break;
            case 3: Pairs<ushort, byte>(from, fromStride, to, toStride, 2, count); break;
            case 4: Elements<uint>(from, fromStride, to, toStride, count); break;
            case < 8: Pairs<uint, uint>(from, fromStride, to, toStride, bytes - 4, count); break;
            case 8: Elements<ulong>(from, fromStride, to, toStride, count); break;
            case < 16: Pairs<ulong, ulong>(from, fromStride, to, toStride, bytes - 8, count); break;
            case 16: Elements<Vector128<byte>>(from, fromStride, to, toStride, count); break;
            case <= 32: Pairs<Vector128<byte>, Vector128<byte>>(from, fromStride, to, toStride, bytes - 16, count); break;
            case <= 64: Pairs<Vector256<byte>, Vector256<byte>>(from, fromStride, to, toStride, bytes - 32, count); break;
            default:
                for (nint i = 0; i < count; i++) Buffer.MemoryCopy(from + i * fromStride, to + i * toStride, bytes, bytes);
                break;
        }
    }

    private static void Elements<T>(byte* from, nint fromStride, byte* to, nint toStride, nint count) where T : unmanaged
    {
        for (; count > 0; count--, from += fromStride, to += toStride) *(T*)to = *(T*)from;
    }

    // The second part begins `second` bytes after the first.
    private static void Pairs<TFirst, TSecond>(byte* from, nint fromStride, byte* to, nint toStride, nint second, nint count) where TFirst : unmanaged where TSecond : unmanaged
    {
        for (; count > 0; count--, from += fromStride, to += toStride)
        {
            var (begin, end) = (*(TFirst*)from, *(TSecond*)(from + second));
            *(TFirst*)to = begin;
            *(TSecond*)(to + second) = end;
        }
    }
}
