using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Int8;

/// <summary>AVX-VNNI: VPDPBUSD multiplies four unsigned bytes of a pixel with four signed weights for each of eight output channels. Twelve accumulators, two vectors of weights, one broadcast.</summary>
internal readonly unsafe struct Tile_u8s8s32_6x16c4_avxvnni : ITileInt8
{
    public static int Rows => 6;

    public static int StepBytes => TileInt8.Panel * TileInt8.Step;

    public static void PackStep(sbyte* weights, byte* packed) => Buffer.MemoryCopy(weights, packed, StepBytes, StepBytes);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(TileInt8* tile)
    {
        byte* w = tile->Weights;
        var c00 = Vector256.Load(tile->Start);
        var c01 = Vector256.Load(tile->Start + 8);
        Vector256<int> c10 = c00, c20 = c00, c30 = c00, c40 = c00, c50 = c00, c11 = c01, c21 = c01, c31 = c01, c41 = c01, c51 = c01;
        for (var s = 0; s < tile->Segments; s++)
        {
            var offset = tile->SegmentOffsets[s];
            byte** pixels = tile->Pixels;
            byte* p0 = pixels[0] + offset, p1 = pixels[1] + offset, p2 = pixels[2] + offset, p3 = pixels[3] + offset, p4 = pixels[4] + offset, p5 = pixels[5] + offset;
            nint end = tile->Steps * TileInt8.Step;
            for (nint i = 0; i < end; i += TileInt8.Step)
            {
                var w0 = Vector256.Load((sbyte*)w);
                var w1 = Vector256.Load((sbyte*)w + 32);
                w += 64;
                var a = Vector256.Create(*(int*)(p0 + i)).AsByte();
                c00 = AvxVnni.MultiplyWideningAndAdd(c00, a, w0);
                c01 = AvxVnni.MultiplyWideningAndAdd(c01, a, w1);
                a = Vector256.Create(*(int*)(p1 + i)).AsByte();
                c10 = AvxVnni.MultiplyWideningAndAdd(c10, a, w0);
                c11 = AvxVnni.MultiplyWideningAndAdd(c11, a, w1);
                a = Vector256.Create(*(int*)(p2 + i)).AsByte();
                c20 = AvxVnni.MultiplyWideningAndAdd(c20, a, w0);
                c21 = AvxVnni.MultiplyWideningAndAdd(c21, a, w1);
                a = Vector256.Create(*(int*)(p3 + i)).AsByte();
                c30 = AvxVnni.MultiplyWideningAndAdd(c30, a, w0);
                c31 = AvxVnni.MultiplyWideningAndAdd(c31, a, w1);
                a = Vector256.Create(*(int*)(p4 + i)).AsByte();
                c40 = AvxVnni.MultiplyWideningAndAdd(c40, a, w0);
                c41 = AvxVnni.MultiplyWideningAndAdd(c41, a, w1);
                a = Vector256.Create(*(int*)(p5 + i)).AsByte();
                c50 = AvxVnni.MultiplyWideningAndAdd(c50, a, w0);
                c51 = AvxVnni.MultiplyWideningAndAdd(c51, a, w1);
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
        c40.Store(to + 64);
        c41.Store(to + 72);
        c50.Store(to + 80);
        c51.Store(to + 88);
    }
}
