using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>128-bit vectors of any CPU: eight bytes times eight 16-bit weights are exact in 16 bits, then widened and added.</summary>
internal readonly unsafe struct Depthwise_u8s8s32_32t4_portable : IDepthwiseInt8
{
    public static int GroupBytes => 2 * DepthwiseInt8.Block * DepthwiseInt8.TapGroup;

    // [tap][channel]
    public static void PackGroup(sbyte* weights, byte* packed)
    {
        var to = (short*)packed;
        for (var i = 0; i < DepthwiseInt8.Block * DepthwiseInt8.TapGroup; i++) to[i] = weights[i];
    }

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
