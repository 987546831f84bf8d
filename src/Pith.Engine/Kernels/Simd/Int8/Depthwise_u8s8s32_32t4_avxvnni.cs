using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>
/// AVX-VNNI: the bytes of four taps are interleaved, so that VPDPBUSD adds up one channel in each 32 bits. Interleaving works within 128 bits, so accumulator j holds channels 4j … 4j+3 and
/// 16+4j … 16+4j+3; stores put them in order.
/// </summary>
internal readonly unsafe struct Depthwise_u8s8s32_32t4_avxvnni : IDepthwiseInt8
{
    public static int GroupBytes => DepthwiseInt8.Block * DepthwiseInt8.TapGroup;

    // [accumulator][128-bit half][channel][tap]
    public static void PackGroup(sbyte* weights, byte* packed)
    {
        var to = (sbyte*)packed;
        for (var j = 0; j < 4; j++)
            for (var half = 0; half < 2; half++)
                for (var c = 0; c < 4; c++)
                    for (var tap = 0; tap < DepthwiseInt8.TapGroup; tap++) *to++ = weights[tap * DepthwiseInt8.Block + half * 16 + j * 4 + c];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* source, nint* pixelOffsets, int pixels, nint* tapOffsets, int tapGroups, byte* weights, int* start, int* accumulators)
    {
        for (var p = 0; p < pixels; p++, accumulators += DepthwiseInt8.Block)
        {
            byte* pixel = source + pixelOffsets[p];
            Vector256<int> c0 = Start(start, 0), c1 = Start(start, 1), c2 = Start(start, 2), c3 = Start(start, 3);
            var w = (sbyte*)weights;
            var taps = tapOffsets;
            for (var g = 0; g < tapGroups; g++, taps += DepthwiseInt8.TapGroup, w += 128)
            {
                Vector256<byte> t0 = Vector256.Load(pixel + taps[0]), t1 = Vector256.Load(pixel + taps[1]), t2 = Vector256.Load(pixel + taps[2]), t3 = Vector256.Load(pixel + taps[3]);
                Vector256<ushort> low01 = Avx2.UnpackLow(t0, t1).AsUInt16(), high01 = Avx2.UnpackHigh(t0, t1).AsUInt16();
                Vector256<ushort> low23 = Avx2.UnpackLow(t2, t3).AsUInt16(), high23 = Avx2.UnpackHigh(t2, t3).AsUInt16();
                c0 = AvxVnni.MultiplyWideningAndAdd(c0, Avx2.UnpackLow(low01, low23).AsByte(), Vector256.Load(w));
                c1 = AvxVnni.MultiplyWideningAndAdd(c1, Avx2.UnpackHigh(low01, low23).AsByte(), Vector256.Load(w + 32));
                c2 = AvxVnni.MultiplyWideningAndAdd(c2, Avx2.UnpackLow(high01, high23).AsByte(), Vector256.Load(w + 64));
                c3 = AvxVnni.MultiplyWideningAndAdd(c3, Avx2.UnpackHigh(high01, high23).AsByte(), Vector256.Load(w + 96));
            }
            Store(c0, accumulators, 0);
            Store(c1, accumulators, 1);
            Store(c2, accumulators, 2);
            Store(c3, accumulators, 3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Start(int* start, int j) => Vector256.Create(Vector128.Load(start + 4 * j), Vector128.Load(start + 16 + 4 * j));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<int> c, int* accumulators, int j)
    {
        c.GetLower().Store(accumulators + 4 * j);
        c.GetUpper().Store(accumulators + 16 + 4 * j);
    }
}
