using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>
/// AVX2: the pixel's bytes and the weights are widened to 16 bits and multiplied in pairs by VPMADDWD, whose sums are exact. (VPMADDUBSW would saturate.) Weights are stored widened.
/// </summary>
internal readonly unsafe struct Tile_u8s8s32_4x16c4_avx2 : ITileInt8
{
    public static int Rows => 4;

    public static int StepBytes => 2 * TileInt8.Panel * TileInt8.Step;

    // [pair of bytes][channel][byte of the pair]
    public static void PackStep(sbyte* weights, byte* packed)
    {
        var to = (short*)packed;
        for (var pair = 0; pair < 2; pair++)
            for (var k = 0; k < TileInt8.Panel; k++)
                for (var i = 0; i < 2; i++) *to++ = weights[k * TileInt8.Step + pair * 2 + i];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(TileInt8* tile)
    {
        short* w = (short*)tile->Weights;
        var c00 = Vector256.Load(tile->Start);
        var c01 = Vector256.Load(tile->Start + 8);
        Vector256<int> c10 = c00, c20 = c00, c30 = c00, c11 = c01, c21 = c01, c31 = c01;
        // Bytes 0 and 1, or 2 and 3, of each 32 bits as two 16-bit numbers; an index with the top bit set gives 0.
        var first = Vector256.Create(0x80018000u).AsByte();
        var second = Vector256.Create(0x80038002u).AsByte();
        for (var s = 0; s < tile->Segments; s++)
        {
            var offset = tile->SegmentOffsets[s];
            byte* p0 = tile->Pixels[0] + offset, p1 = tile->Pixels[1] + offset, p2 = tile->Pixels[2] + offset, p3 = tile->Pixels[3] + offset;
            nint end = tile->Steps * TileInt8.Step;
            for (nint i = 0; i < end; i += TileInt8.Step)
            {
                Vector256<short> w0 = Vector256.Load(w), w1 = Vector256.Load(w + 16), w2 = Vector256.Load(w + 32), w3 = Vector256.Load(w + 48);
                w += 64;
                Multiply(p0 + i, first, second, w0, w1, w2, w3, ref c00, ref c01);
                Multiply(p1 + i, first, second, w0, w1, w2, w3, ref c10, ref c11);
                Multiply(p2 + i, first, second, w0, w1, w2, w3, ref c20, ref c21);
                Multiply(p3 + i, first, second, w0, w1, w2, w3, ref c30, ref c31);
            }
        }
        var to = tile->Accumulators;
        c00.Store(to);
        c01.Store(to + 8);
        c10.Store(to + 16);
        c11.Store(to + 24);
        c20.Store(to + 32);
        c21.Store(to + 40);
        c30.Store(to + 48);
        c31.Store(to + 56);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(
        byte* pixel, Vector256<byte> first, Vector256<byte> second, Vector256<short> w0, Vector256<short> w1, Vector256<short> w2, Vector256<short> w3, ref Vector256<int> c0, ref Vector256<int> c1)
    {
        var bytes = Vector256.Create(*(int*)pixel).AsByte();
        // The pattern repeats every 4 bytes, and so do the bytes: indices within the first 4 do for every lane.
        var low = Avx2.Shuffle(bytes, first).AsInt16();
        var high = Avx2.Shuffle(bytes, second).AsInt16();
        c0 += Avx2.MultiplyAddAdjacent(low, w0);
        c1 += Avx2.MultiplyAddAdjacent(low, w1);
        c0 += Avx2.MultiplyAddAdjacent(high, w2);
        c1 += Avx2.MultiplyAddAdjacent(high, w3);
    }
}
