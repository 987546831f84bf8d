using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Pith.Kernels.Int8;

/// <summary>Four neighbouring products of unsigned bytes added to each 32-bit lane.</summary>
internal interface IDotProduct
{
    static abstract Vector128<uint> Add(Vector128<uint> sums, Vector128<byte> left, Vector128<byte> right);
}

/// <summary>UDOT of ARM64.</summary>
internal readonly struct ArmDotProduct : IDotProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Add(Vector128<uint> sums, Vector128<byte> left, Vector128<byte> right) => Dp.DotProduct(sums, left, right);
}

/// <summary>
/// A kernel for <see cref="TileInt8"/> with dot products of four bytes. Both factors must have one sign there, so weights are stored 128 larger, and 128 times the sum of the pixel's bytes is taken off at the end: exact,
/// because the sums are modulo 2^32.
/// </summary>
/// <typeparam name="TDot">The instruction.</typeparam>
internal readonly unsafe struct Tile_u8s8s32_2x16c4_dotprod<TDot> : ITileKernelInt8 where TDot : struct, IDotProduct
{
    private const byte Offset = 128;

    public static int Rows => 2;

    public static int StepBytes => TileInt8.Panel * TileInt8.Step;

    public static void PackStep(sbyte* weights, byte* packed)
    {
        for (var i = 0; i < TileInt8.Panel * TileInt8.Step; i++) packed[i] = (byte)(weights[i] + Offset);
    }

    public static void Run(TileInt8* tile)
    {
        var w = tile->Weights;
        var start = (uint*)tile->Start;
        var (a0, a1, a2, a3) = (Vector128.Load(start), Vector128.Load(start + 4), Vector128.Load(start + 8), Vector128.Load(start + 12));
        var (b0, b1, b2, b3) = (a0, a1, a2, a3);
        var (aSum, bSum) = (Vector128<uint>.Zero, Vector128<uint>.Zero);
        for (var s = 0; s < tile->Segments; s++)
        {
            var a = tile->Pixels[0] + tile->SegmentOffsets[s];
            var b = tile->Pixels[1] + tile->SegmentOffsets[s];
            for (var step = 0; step < tile->Steps; step++, a += TileInt8.Step, b += TileInt8.Step, w += StepBytes)
            {
                var (aBytes, bBytes) = (Vector128.Create(Unsafe.ReadUnaligned<uint>(a)).AsByte(), Vector128.Create(Unsafe.ReadUnaligned<uint>(b)).AsByte());
                var (w0, w1, w2, w3) = (Vector128.Load(w), Vector128.Load(w + 16), Vector128.Load(w + 32), Vector128.Load(w + 48));
                (a0, a1, a2, a3) = (TDot.Add(a0, w0, aBytes), TDot.Add(a1, w1, aBytes), TDot.Add(a2, w2, aBytes), TDot.Add(a3, w3, aBytes));
                (b0, b1, b2, b3) = (TDot.Add(b0, w0, bBytes), TDot.Add(b1, w1, bBytes), TDot.Add(b2, w2, bBytes), TDot.Add(b3, w3, bBytes));
                aSum = TDot.Add(aSum, aBytes, Vector128.Create(Offset));
                bSum = TDot.Add(bSum, bBytes, Vector128.Create(Offset));
            }
        }
        Store(tile->Accumulators, a0 - aSum, a1 - aSum, a2 - aSum, a3 - aSum);
        Store(tile->Accumulators + TileInt8.Panel, b0 - bSum, b1 - bSum, b2 - bSum, b3 - bSum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(int* to, Vector128<uint> c0, Vector128<uint> c1, Vector128<uint> c2, Vector128<uint> c3)
    {
        c0.AsInt32().Store(to);
        c1.AsInt32().Store(to + 4);
        c2.AsInt32().Store(to + 8);
        c3.AsInt32().Store(to + 12);
    }
}
