using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>A kernel for <see cref="TileInt8"/> with 128-bit vectors of any CPU: a byte times eight 16-bit weights is exact in 16 bits, then widened and added.</summary>
internal readonly unsafe struct Tile_u8s8s32_2x16c4_vector128 : ITileKernelInt8
{
    /// <summary>Pixels of a tile.</summary>
    public static int Rows => 2;

    /// <summary>Bytes of packed weights for one step.</summary>
    public static int StepBytes => 2 * TileInt8.Panel * TileInt8.Step;

    /// <summary>Packs one step: <paramref name="weights"/> [<see cref="TileInt8.Panel"/>, <see cref="TileInt8.Step"/>] become [byte][channel].</summary>
    public static void PackStep(sbyte* weights, byte* packed)
    {
        var to = (short*)packed;
        for (var i = 0; i < TileInt8.Step; i++)
            for (var k = 0; k < TileInt8.Panel; k++) *to++ = weights[k * TileInt8.Step + i];
    }

    /// <summary>Computes the tile.</summary>
    public static void Run(TileInt8* tile)
    {
        for (var row = 0; row < Rows; row++)
        {
            short* w = (short*)tile->Weights;
            var (c0, c1, c2, c3) = (Vector128.Load(tile->Start), Vector128.Load(tile->Start + 4), Vector128.Load(tile->Start + 8), Vector128.Load(tile->Start + 12));
            for (var s = 0; s < tile->Segments; s++)
            {
                byte* p = tile->Pixels[row] + tile->SegmentOffsets[s];
                for (var i = 0; i < tile->Steps * TileInt8.Step; i++, w += TileInt8.Panel)
                {
                    var a = Vector128.Create((short)p[i]);
                    Add(a * Vector128.Load(w), ref c0, ref c1);
                    Add(a * Vector128.Load(w + 8), ref c2, ref c3);
                }
            }
            var to = tile->Accumulators + row * TileInt8.Panel;
            c0.Store(to);
            c1.Store(to + 4);
            c2.Store(to + 8);
            c3.Store(to + 12);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(Vector128<short> products, ref Vector128<int> low, ref Vector128<int> high)
    {
        low += Vector128.WidenLower(products);
        high += Vector128.WidenUpper(products);
    }
}
