using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>
/// Rows times a matrix of 2:4 weights of which memory holds the kept half, and places of two bits: 53% of the bytes. The kept weights of a channel meet what VPERMILPS takes of a broadcast quad of the row. Each sum is one chain
/// of multiply-adds in the order of the reduction, starting at the bias, as with dense weights: multiplying by 0 changes no sum.
/// </summary>
/// <remarks>
/// A panel is 64 channels, packed as groups of eight quads of the reduction: four vectors of places (one 32-bit number for each channel, two bits for each kept weight, the first lowest), then [quads][2 kept][64 channels] weights.
/// </remarks>
internal static unsafe class GemvCompressedFp32
{
    /// <summary>Output channels of a panel.</summary>
    public const int PanelChannels = Vectors * Lanes;

    private const int Vectors = 4, Lanes = 16, Quad = 4, Kept = 2, PlaceBits = 2;

    // Places of this many quads fill the 32 bits of a lane.
    private const int GroupQuads = 32 / (Kept * PlaceBits);

    // How far ahead weights are fetched: about as far as the caches' own fetching looks.
    private const int FetchBytes = 4 << 10;

    /// <summary>Bytes of a panel's packed weights.</summary>
    /// <param name="reduction">Weights of a channel, a multiple of 4.</param>
    public static long PanelBytes(int reduction)
    {
        var quads = reduction / Quad;
        return ((long)EvenParts.Count(quads, GroupQuads) + (long)quads * Kept) * PanelChannels * sizeof(float);
    }

    /// <summary>Packs a panel into zeroed memory.</summary>
    /// <param name="weight">The first channel's first weight.</param>
    /// <param name="channels">Channels that are there, at most 64.</param>
    /// <param name="reduction">Weights of a channel, a multiple of 4, of which each four have at most two that are not 0.</param>
    /// <param name="channelStride">Floats from channel to channel.</param>
    /// <param name="stride">Floats from weight to weight.</param>
    /// <param name="packed"><see cref="PanelBytes"/> bytes.</param>
    public static void Pack(float* weight, int channels, int reduction, nint channelStride, nint stride, float* packed)
    {
        for (var quad = 0; quad < reduction / Quad; quad++)
        {
            var places = packed + (quad / GroupQuads * (1 + GroupQuads * Kept) * PanelChannels);
            var kept = places + ((1 + quad % GroupQuads * Kept) * PanelChannels);
            for (var channel = 0; channel < channels; channel++)
            {
                var from = weight + channel * channelStride + quad * Quad * stride;
                var nonZeros = 0;
                for (var i = 0; i < Quad; i++) nonZeros |= from[i * stride] == 0 ? 0 : 1 << i;
                var both = Quad24.PlacesOf(nonZeros);
                var (first, second) = (both & 3, both >> PlaceBits);
                ((uint*)places)[channel] |= (uint)both << quad % GroupQuads * Kept * PlaceBits;
                (kept[channel], kept[channel + PanelChannels]) = (from[first * stride], from[second * stride]);
            }
        }
    }

    /// <summary>The sums of one row with one panel.</summary>
    /// <param name="row">So many floats as a channel has weights.</param>
    /// <param name="reduction">That number.</param>
    /// <param name="packed">The panel.</param>
    /// <param name="bias">64 values that the sums start from.</param>
    /// <param name="sums">64 sums.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* row, int reduction, float* packed, float* bias, float* sums)
    {
        var (s0, s1, s2, s3) = (Vector512.Load(bias), Vector512.Load(bias + Lanes), Vector512.Load(bias + 2 * Lanes), Vector512.Load(bias + 3 * Lanes));
        for (var left = reduction / Quad; left > 0; left -= GroupQuads)
        {
            var (p0, p1, p2, p3) = (Vector512.Load((int*)packed), Vector512.Load((int*)packed + Lanes), Vector512.Load((int*)packed + 2 * Lanes), Vector512.Load((int*)packed + 3 * Lanes));
            packed += PanelChannels;
            for (var kept = Kept * Math.Min(left, GroupQuads); kept > 0; kept--, packed += PanelChannels)
            {
                for (var line = 0; line < Vectors; line++) Sse.Prefetch0((byte*)(packed + line * Lanes) + FetchBytes);
                var quad = Avx512DQ.BroadcastVector128ToVector512(row);
                s0 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar4x32(quad, p0), Vector512.Load(packed), s0);
                s1 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar4x32(quad, p1), Vector512.Load(packed + Lanes), s1);
                s2 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar4x32(quad, p2), Vector512.Load(packed + 2 * Lanes), s2);
                s3 = Avx512F.FusedMultiplyAdd(Avx512F.PermuteVar4x32(quad, p3), Vector512.Load(packed + 3 * Lanes), s3);
                // VPERMILPS reads the lowest two bits only.
                (p0, p1, p2, p3) = (p0 >>> PlaceBits, p1 >>> PlaceBits, p2 >>> PlaceBits, p3 >>> PlaceBits);
                row += kept % Kept == 1 ? Quad : 0;
            }
        }
        s0.Store(sums);
        s1.Store(sums + Lanes);
        s2.Store(sums + 2 * Lanes);
        s3.Store(sums + 3 * Lanes);
    }
}
