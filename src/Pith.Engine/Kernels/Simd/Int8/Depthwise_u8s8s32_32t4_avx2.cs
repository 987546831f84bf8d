using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>AVX2: the bytes of two taps are interleaved and widened to 16 bits, and VPMADDWD adds up one channel in each 32 bits, exactly. Accumulators are ordered as with AVX-VNNI.</summary>
internal readonly unsafe struct Depthwise_u8s8s32_32t4_avx2 : IDepthwiseInt8
{
    public static int GroupBytes => 2 * DepthwiseInt8.Block * DepthwiseInt8.TapGroup;

    // [pair of taps][accumulator][128-bit half][channel][tap of the pair]
    public static void PackGroup(sbyte* weights, byte* packed)
    {
        var to = (short*)packed;
        for (var pair = 0; pair < 2; pair++)
            for (var j = 0; j < 4; j++)
                for (var half = 0; half < 2; half++)
                    for (var c = 0; c < 4; c++)
                        for (var tap = 0; tap < 2; tap++) *to++ = weights[(2 * pair + tap) * DepthwiseInt8.Block + half * 16 + j * 4 + c];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(byte* source, nint* pixelOffsets, int pixels, nint* tapOffsets, int tapGroups, byte* weights, int* start, int* accumulators)
    {
        for (var p = 0; p < pixels; p++, accumulators += DepthwiseInt8.Block)
        {
            byte* pixel = source + pixelOffsets[p];
            Vector256<int> c0 = Start(start, 0), c1 = Start(start, 1), c2 = Start(start, 2), c3 = Start(start, 3);
            var w = (short*)weights;
            var taps = tapOffsets;
            for (var pair = 0; pair < 2 * tapGroups; pair++, taps += 2, w += 64)
            {
                Vector256<byte> t0 = Vector256.Load(pixel + taps[0]), t1 = Vector256.Load(pixel + taps[1]);
                Vector256<byte> low = Avx2.UnpackLow(t0, t1), high = Avx2.UnpackHigh(t0, t1);
                c0 += Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(low, Vector256<byte>.Zero).AsInt16(), Vector256.Load(w));
                c1 += Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(low, Vector256<byte>.Zero).AsInt16(), Vector256.Load(w + 16));
                c2 += Avx2.MultiplyAddAdjacent(Avx2.UnpackLow(high, Vector256<byte>.Zero).AsInt16(), Vector256.Load(w + 32));
                c3 += Avx2.MultiplyAddAdjacent(Avx2.UnpackHigh(high, Vector256<byte>.Zero).AsInt16(), Vector256.Load(w + 48));
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
