namespace Pith.Kernels.Int8;

/// <summary>Runs parts of a <see cref="DepthwiseInt8"/> some pixels at a time.</summary>
internal static unsafe class DepthwiseInt8Kernel
{
    // Pixels between two epilogues: their accumulators stay in the first-level cache.
    private const int Pixels = 8;

    /// <summary>Computes blocks [<paramref name="firstBlock"/>, <paramref name="endBlock"/>) of one band of one image.</summary>
    public static void Run(DepthwiseInt8* conv, int image, int band, int firstBlock, int endBlock, byte* scratch)
    {
        var (source, offsets) = conv->Bands.Open(image, band, scratch);
        var pixels = conv->Bands.RowsOf(band) * conv->Bands.OutWidth;
        var firstPixel = ((nint)image * conv->Bands.OutHeight + band * conv->Bands.Rows) * conv->Bands.OutWidth;
        var accumulators = stackalloc int[Pixels * DepthwiseInt8.Block];
        for (var pixel = 0; pixel < pixels; pixel += Pixels)
        {
            var count = Math.Min(Pixels, pixels - pixel);
            for (var block = firstBlock; block < endBlock; block++)
            {
                var channel = block * DepthwiseInt8.Block;
                Depthwise_u8s8s32_32t4_portable.Run((byte*)source + channel, (nint*)offsets + pixel, count, conv->TapOffsets, conv->TapGroups, conv->Weights + block * conv->BlockBytes, conv->Start + channel, accumulators);
                conv->Epilogue.Apply<Lanes128>(accumulators, DepthwiseInt8.Block, count, firstPixel + pixel, channel, Math.Min(DepthwiseInt8.Block, conv->Channels - channel));
            }
        }
    }

    /// <summary>Packs weights [K, 1, R, S].</summary>
    /// <param name="weights">The weights; K may be less than <see cref="DepthwiseInt8.Channels"/>.</param>
    /// <param name="taps">R * S.</param>
    /// <param name="conv">The convolution; its weights are zeroed memory.</param>
    public static void Pack(ReadOnlySpan<sbyte> weights, int taps, DepthwiseInt8* conv)
    {
        var group = stackalloc sbyte[DepthwiseInt8.Block * DepthwiseInt8.TapGroup];
        var channels = weights.Length / taps;
        for (var block = 0; block < conv->Blocks; block++)
            for (var g = 0; g < conv->TapGroups; g++)
            {
                for (var i = 0; i < DepthwiseInt8.Block * DepthwiseInt8.TapGroup; i++)
                {
                    var (tap, channel) = (g * DepthwiseInt8.TapGroup + i / DepthwiseInt8.Block, block * DepthwiseInt8.Block + i % DepthwiseInt8.Block);
                    group[i] = tap < taps && channel < channels ? weights[channel * taps + tap] : (sbyte)0;
                }
                Depthwise_u8s8s32_32t4_portable.PackGroup(group, conv->Weights + block * conv->BlockBytes + g * Depthwise_u8s8s32_32t4_portable.GroupBytes);
            }
    }
}
