namespace Pith.Kernels.Int8;

/// <summary>Runs parts of a <see cref="ConvInt8"/> tile by tile.</summary>
internal static unsafe class ConvInt8Kernel
{
    /// <summary>Computes panels [<paramref name="firstPanel"/>, <paramref name="endPanel"/>) of one band of one image.</summary>
    /// <param name="conv">The convolution.</param>
    /// <param name="image">Which image.</param>
    /// <param name="band">Which band.</param>
    /// <param name="firstPanel">First panel, counted over all groups.</param>
    /// <param name="endPanel">One past the last panel.</param>
    /// <param name="scratch">What the bands need.</param>
    public static void Run<TTile>(ConvInt8* conv, int image, int band, int firstPanel, int endPanel, byte* scratch) where TTile : struct, ITileKernelInt8
    {
        var (source, offsets) = conv->Bands.Open(image, band, scratch);
        var pixels = conv->Bands.RowsOf(band) * conv->Bands.OutWidth;
        var firstPixel = ((nint)image * conv->Bands.OutHeight + band * conv->Bands.Rows) * conv->Bands.OutWidth;
        var accumulators = stackalloc int[TTile.Rows * TileInt8.Panel];
        var starts = stackalloc byte*[TTile.Rows];
        var tile = new TileInt8
        {
            Pixels = starts,
            SegmentOffsets = conv->SegmentOffsets,
            Segments = conv->Segments,
            Steps = conv->SegmentBytes / TileInt8.Step,
            Accumulators = accumulators,
        };
        // One loop in two orders: the outer one covers everything in one step, or the inner one does.
        var (panelStep, pixelStep) = conv->BlocksOutside ? (endPanel - firstPanel, TTile.Rows) : (1, pixels);
        for (var outerPanel = firstPanel; outerPanel < endPanel; outerPanel += panelStep)
            for (var outerPixel = 0; outerPixel < pixels; outerPixel += pixelStep)
                for (var panel = outerPanel; panel < outerPanel + panelStep; panel++)
                    RunTiles<TTile>(conv, &tile, panel, (byte*)source, (nint*)offsets, outerPixel, Math.Min(outerPixel + pixelStep, pixels), firstPixel);
    }

    private static void RunTiles<TTile>(ConvInt8* conv, TileInt8* tile, int panel, byte* source, nint* offsets, int begin, int end, nint firstPixel) where TTile : struct, ITileKernelInt8
    {
        var (group, inGroup) = Math.DivRem(panel, conv->PanelsPerGroup);
        source += (nint)group * conv->GroupBytes;
        var channel = group * conv->GroupOut + inGroup * TileInt8.Panel;
        var channels = Math.Min(TileInt8.Panel, conv->GroupOut - inGroup * TileInt8.Panel);
        tile->Weights = conv->Weights + panel * conv->PanelBytes;
        tile->Start = conv->Start + panel * TileInt8.Panel;
        for (var pixel = begin; pixel < end; pixel += TTile.Rows)
        {
            var count = Math.Min(TTile.Rows, end - pixel);
            // A tile that is not full computes its last pixel several times.
            for (var p = 0; p < TTile.Rows; p++) tile->Pixels[p] = source + offsets[pixel + Math.Min(p, count - 1)];
            TTile.Run(tile);
            conv->Epilogue.Apply<Lanes128>(tile->Accumulators, TileInt8.Panel, count, firstPixel + pixel, channel, channels);
        }
    }
}
