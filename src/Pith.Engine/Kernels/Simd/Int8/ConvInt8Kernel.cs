namespace Pith.Kernels.Int8;

/// <summary>Runs parts of a <see cref="ConvInt8"/> with one tile kernel and one width of epilogue.</summary>
internal static unsafe class ConvInt8Kernel<TTile, TLanes> where TTile : struct, ITileInt8 where TLanes : struct, ILanes<TLanes>
{
    /// <summary>Computes panels [<paramref name="firstPanel"/>, <paramref name="endPanel"/>) of one band of one image.</summary>
    /// <param name="conv">The convolution.</param>
    /// <param name="image">Which image.</param>
    /// <param name="band">Which band.</param>
    /// <param name="firstPanel">First panel, counted over all groups.</param>
    /// <param name="endPanel">One past the last panel.</param>
    /// <param name="scratch"><see cref="ConvInt8.ScratchBytes"/> of memory.</param>
    public static void Run(ConvInt8* conv, int image, int band, int firstPanel, int endPanel, byte* scratch)
    {
        var row = band * conv->BandRows;
        var rows = Math.Min(conv->BandRows, conv->OutHeight - row);
        var offsets = (nint*)scratch;
        var segments = (nint*)(scratch + conv->OffsetBytes);
        var source = conv->Input + (nint)image * conv->Height * conv->Width * conv->PixelBytes;
        var columns = conv->Width;
        if (conv->Copies)
        {
            var copy = scratch + conv->OffsetBytes + conv->SegmentTableBytes;
            CopyBand(conv, source, row, rows, copy);
            source = copy;
            columns = conv->CopyColumns;
        }
        else
        {
            source += (nint)row * conv->Window.StrideHeight * columns * conv->PixelBytes;
        }
        PixelOffsets(conv, rows, columns, offsets);
        SegmentOffsets(conv, columns, segments);
        var firstPixel = ((nint)image * conv->OutHeight + row) * conv->OutWidth;
        for (var panel = firstPanel; panel < endPanel; panel++) RunPanel(conv, panel, source, offsets, segments, rows * conv->OutWidth, firstPixel);
    }

    private static void CopyBand(ConvInt8* conv, byte* source, int row, int rows, byte* copy)
    {
        var padded = new PaddedCopyInt8
        {
            Image = source,
            Height = conv->Height,
            Width = conv->Width,
            PixelBytes = conv->PixelBytes,
            ZeroPoint = conv->ZeroPoint,
            PadLeft = conv->Window.PadLeft,
            Columns = conv->CopyColumns,
        };
        padded.Run(row * conv->Window.StrideHeight - conv->Window.PadTop, conv->CopyRows(rows), copy);
    }

    // Bytes from the band's first input pixel to where the window of each output pixel starts.
    private static void PixelOffsets(ConvInt8* conv, int rows, int columns, nint* offsets)
    {
        nint rowStride = (nint)conv->Window.StrideHeight * columns * conv->PixelBytes, stride = (nint)conv->Window.StrideWidth * conv->PixelBytes;
        for (var y = 0; y < rows; y++)
            for (var x = 0; x < conv->OutWidth; x++) *offsets++ = y * rowStride + x * stride;
    }

    private static void SegmentOffsets(ConvInt8* conv, int columns, nint* segments)
    {
        var perRow = conv->JoinsColumns ? 1 : conv->Window.KernelWidth;
        for (var r = 0; r < conv->Window.KernelHeight; r++)
            for (var s = 0; s < perRow; s++)
                *segments++ = ((nint)r * conv->Window.DilationHeight * columns + s * conv->Window.DilationWidth) * conv->PixelBytes;
    }

    private static void RunPanel(ConvInt8* conv, int panel, byte* source, nint* offsets, nint* segments, int pixels, nint firstPixel)
    {
        var (group, inGroup) = Math.DivRem(panel, conv->PanelsPerGroup);
        source += (nint)group * conv->GroupBytes;
        var channel = group * conv->GroupOut + inGroup * TileInt8.Panel;
        var channels = Math.Min(TileInt8.Panel, conv->GroupOut - inGroup * TileInt8.Panel);
        var accumulators = stackalloc int[TileInt8.MaxRows * TileInt8.Panel];
        var starts = stackalloc byte*[TileInt8.MaxRows];
        var tile = new TileInt8
        {
            Pixels = starts,
            SegmentOffsets = segments,
            Segments = conv->Segments,
            Steps = conv->SegmentBytes / TileInt8.Step,
            Weights = conv->Weights + panel * conv->PanelBytes,
            Start = conv->Start + panel * TileInt8.Panel,
            Accumulators = accumulators,
        };
        for (var pixel = 0; pixel < pixels; pixel += TTile.Rows)
        {
            var count = Math.Min(TTile.Rows, pixels - pixel);
            // A tile that is not full computes its last pixel several times.
            for (var p = 0; p < TTile.Rows; p++) starts[p] = source + offsets[pixel + Math.Min(p, count - 1)];
            TTile.Run(&tile);
            conv->Epilogue.Apply<TLanes>(accumulators, count, firstPixel + pixel, channel, channels);
        }
    }
}
