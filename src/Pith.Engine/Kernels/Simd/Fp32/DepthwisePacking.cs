namespace Pith.Kernels.Simd;

/// <summary>The layout of depthwise weights: [tap, channel], channels padded with zeros to whole vectors.</summary>
internal static unsafe class DepthwisePacking
{
    /// <summary>Floats of the packed weights.</summary>
    public static nint Size(in TapConv conv, int lanes) => (nint)conv.H.Count * conv.W.Count * PanelPacking.PaddedOutputs(conv.Groups, lanes);

    /// <summary>Packs taps [<paramref name="begin"/>, <paramref name="end"/>); a channel's weights lie <paramref name="channelStride"/> floats after the one before.</summary>
    public static void Pack(in TapConv conv, in WeightView first, nint channelStride, float* packed, int lanes, int begin, int end)
    {
        int channels = conv.Groups, padded = PanelPacking.PaddedOutputs(channels, lanes);
        for (var tap = begin; tap < end; tap++)
        {
            float* from = first.Data + tap / conv.W.Count * first.TapRowStride + tap % conv.W.Count * first.TapColumnStride;
            float* to = packed + (nint)tap * padded;
            for (var c = 0; c < channels; c++) to[c] = from[c * channelStride];
            for (var c = channels; c < padded; c++) to[c] = 0;
        }
    }
}
