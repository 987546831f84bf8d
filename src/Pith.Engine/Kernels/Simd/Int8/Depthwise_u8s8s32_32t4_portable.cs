using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>A kernel for a <see cref="DepthwiseInt8"/> with 128-bit vectors of any CPU: eight bytes times eight 16-bit weights are exact in 16 bits, then widened and added.</summary>
internal static unsafe class Depthwise_u8s8s32_32t4_portable
{
    /// <summary>Bytes of packed weights for one block and one group of taps.</summary>
    public const int GroupBytes = 2 * DepthwiseInt8.Block * DepthwiseInt8.TapGroup;

    /// <summary>Packs one group of taps: <paramref name="weights"/> [<see cref="DepthwiseInt8.TapGroup"/>, <see cref="DepthwiseInt8.Block"/>].</summary>
    public static void PackGroup(sbyte* weights, byte* packed)
    {
        var to = (short*)packed;
        for (var i = 0; i < DepthwiseInt8.Block * DepthwiseInt8.TapGroup; i++) to[i] = weights[i];
    }

    /// <summary>accumulators[pixel, c] = start[c] + sum over taps of pixel[tap][c] * weight[tap, c], for some pixels.</summary>
    /// <param name="source">Where offsets count from, at the block's first channel.</param>
    /// <param name="pixelOffsets">Where the window of each pixel starts.</param>
    /// <param name="pixels">Number of pixels.</param>
    /// <param name="tapOffsets">[groups, <see cref="DepthwiseInt8.TapGroup"/>]</param>
    /// <param name="tapGroups">Groups of taps.</param>
    /// <param name="weights">The block's packed weights.</param>
    /// <param name="start">[<see cref="DepthwiseInt8.Block"/>]</param>
    /// <param name="accumulators">[pixels, <see cref="DepthwiseInt8.Block"/>]</param>
    public static void Run(byte* source, nint* pixelOffsets, int pixels, nint* tapOffsets, int tapGroups, byte* weights, int* start, int* accumulators)
    {
        for (var p = 0; p < pixels; p++, accumulators += DepthwiseInt8.Block)
            for (var c = 0; c < DepthwiseInt8.Block; c += 8)
            {
                byte* pixel = source + pixelOffsets[p] + c;
                var w = (short*)weights + c;
                var (low, high) = (Vector128.Load(start + c), Vector128.Load(start + c + 4));
                for (var tap = 0; tap < tapGroups * DepthwiseInt8.TapGroup; tap++, w += DepthwiseInt8.Block)
                {
                    var products = Vector128.WidenLower(Vector128.CreateScalar(*(ulong*)(pixel + tapOffsets[tap])).AsByte()).AsInt16() * Vector128.Load(w);
                    low += Vector128.WidenLower(products);
                    high += Vector128.WidenUpper(products);
                }
                low.Store(accumulators + c);
                high.Store(accumulators + c + 4);
            }
    }
}
