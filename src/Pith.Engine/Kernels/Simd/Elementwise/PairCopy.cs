using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Two rows to pairs and back, for elements of 1, 2, 4 or 8 bytes: transposes with two rows or columns.</summary>
internal static unsafe class PairCopy
{
    /// <summary>to = first[0], second[0], first[1], second[1], …</summary>
    public static void Interleave<T>(T* first, T* second, T* to, nint count) where T : unmanaged
    {
        nint i = 0;
        if (Sse2.IsSupported && sizeof(T) is 1 or 2 or 4)
            for (; i <= count - Vector128<T>.Count; i += Vector128<T>.Count)
            {
                var (low, high) = Zip(Vector128.Load(first + i), Vector128.Load(second + i));
                low.Store(to + 2 * i);
                high.Store(to + 2 * i + Vector128<T>.Count);
            }
        for (; i < count; i++) (to[2 * i], to[2 * i + 1]) = (first[i], second[i]);
    }

    /// <summary>first = from[0], from[2], …; second = from[1], from[3], …</summary>
    public static void Separate<T>(T* from, T* first, T* second, nint count) where T : unmanaged
    {
        nint i = 0;
        if (Sse2.IsSupported && sizeof(T) is 1 or 4)
            for (; i <= count - Vector128<T>.Count; i += Vector128<T>.Count)
            {
                var (even, odd) = Unzip(Vector128.Load(from + 2 * i), Vector128.Load(from + 2 * i + Vector128<T>.Count));
                even.Store(first + i);
                odd.Store(second + i);
            }
        for (; i < count; i++) (first[i], second[i]) = (from[2 * i], from[2 * i + 1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<T> Low, Vector128<T> High) Zip<T>(Vector128<T> first, Vector128<T> second) where T : unmanaged => sizeof(T) switch
    {
        1 => (Sse2.UnpackLow(first.AsByte(), second.AsByte()).As<byte, T>(), Sse2.UnpackHigh(first.AsByte(), second.AsByte()).As<byte, T>()),
        2 => (Sse2.UnpackLow(first.AsUInt16(), second.AsUInt16()).As<ushort, T>(), Sse2.UnpackHigh(first.AsUInt16(), second.AsUInt16()).As<ushort, T>()),
        _ => (Sse2.UnpackLow(first.AsUInt32(), second.AsUInt32()).As<uint, T>(), Sse2.UnpackHigh(first.AsUInt32(), second.AsUInt32()).As<uint, T>()),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<T> Even, Vector128<T> Odd) Unzip<T>(Vector128<T> low, Vector128<T> high) where T : unmanaged
    {
        if (sizeof(T) == 4) return (Sse.Shuffle(low.AsSingle(), high.AsSingle(), 0b10_00_10_00).As<float, T>(), Sse.Shuffle(low.AsSingle(), high.AsSingle(), 0b11_01_11_01).As<float, T>());
        // Words whose high byte is 0 saturate to nothing else.
        var mask = Vector128.Create((ushort)0xFF);
        var (l, h) = (low.AsUInt16(), high.AsUInt16());
        return (Sse2.PackUnsignedSaturate((l & mask).AsInt16(), (h & mask).AsInt16()).As<byte, T>(), Sse2.PackUnsignedSaturate((l >>> 8).AsInt16(), (h >>> 8).AsInt16()).As<byte, T>());
    }
}
