namespace Pith.Kernels.Simd;

/// <summary>Runs of memory that the taps of a convolution cover around one output.</summary>
internal static unsafe class TapRuns
{
    /// <summary>
    /// One run for each tap, in the order (tap row, tap column), <paramref name="channels"/> floats long; taps whose inputs follow each other in
    /// memory share one. Strides are in floats, run offsets in bytes.
    /// </summary>
    public static int Build(in TapAxis h, in TapAxis w, nint rowStride, nint pixelStride, int channels, TileRun* runs)
    {
        var count = 0;
        nint end = -1;
        for (var i = 0; i < h.Count; i++)
        {
            for (var j = 0; j < w.Count; j++)
            {
                var offset = i * h.Step * rowStride + j * w.Step * pixelStride;
                if (offset == end) runs[count - 1].Length += channels;
                else runs[count++] = new TileRun { Offset = offset * sizeof(float), Length = channels };
                end = offset + channels;
            }
        }
        return count;
    }

    /// <summary>The part of the runs that covers steps [<paramref name="from"/>, <paramref name="to"/>).</summary>
    public static int Cut(TileRun* runs, int count, int from, int to, TileRun* cut)
    {
        var cuts = 0;
        nint step = 0;
        for (var i = 0; i < count; i++)
        {
            var start = Math.Max(from, step);
            var end = Math.Min(to, step + runs[i].Length);
            if (start < end)
            {
                cut[cuts++] = new TileRun { Offset = runs[i].Offset + (start - step) * sizeof(float), Length = end - start };
            }
            step += runs[i].Length;
        }
        return cuts;
    }
}
