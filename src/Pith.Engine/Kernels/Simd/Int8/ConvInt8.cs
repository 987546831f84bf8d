namespace Pith.Kernels.Int8;

/// <summary>
/// An INT8 convolution over padded NHWC bytes: geometry, packed weights and epilogue. Output pixels are cut into bands, output channels into panels of <see cref="TileInt8.Panel"/>; a band of one
/// image and some panels are one part of the work. Windows that reach over the border read a padded copy of the band.
/// </summary>
internal unsafe struct ConvInt8
{
    public byte* Input;
    public int Height;
    public int Width;

    /// <summary>Bytes of an input pixel.</summary>
    public int PixelBytes;

    /// <summary>The stored zero point of the input, which padding consists of.</summary>
    public byte ZeroPoint;

    public int OutHeight;
    public int OutWidth;
    public Window Window;

    /// <summary>Groups after small ones were joined; each has its own panels and its own <see cref="GroupBytes"/> of every input pixel.</summary>
    public int Groups;
    public int GroupBytes;

    /// <summary>Output channels of a group.</summary>
    public int GroupOut;

    /// <summary>Packed weights of all panels of all groups; <see cref="PanelBytes"/> each.</summary>
    public byte* Weights;
    public nint PanelBytes;

    /// <summary>What accumulators start from, [groups, panels of a group, panel].</summary>
    public int* Start;

    public Int8Epilogue Epilogue;

    /// <summary>Output rows of a band.</summary>
    public int BandRows;

    /// <summary>Panels of a part.</summary>
    public int PartPanels;

    /// <summary>The pixels of the output as one row, when windows are single pixels without stride: then a band is <see cref="BandRows"/> pixels of it.</summary>
    public readonly bool IsPointwise => Window == Window.Point;

    public readonly int PanelsPerGroup => (GroupOut + TileInt8.Panel - 1) / TileInt8.Panel;

    public readonly int Panels => Groups * PanelsPerGroup;

    public readonly int Bands => (OutHeight + BandRows - 1) / BandRows;

    public readonly int PanelParts => (Panels + PartPanels - 1) / PartPanels;

    /// <summary>Whether the columns of a window lie next to each other in memory, so that a row of taps is one segment.</summary>
    public readonly bool JoinsColumns => Groups == 1 && Window.DilationWidth == 1;

    public readonly int Segments => JoinsColumns ? Window.KernelHeight : Window.Taps;

    public readonly int SegmentBytes => JoinsColumns ? Window.KernelWidth * PixelBytes : GroupBytes;

    /// <summary>Whether a padded copy of each band is made.</summary>
    public readonly bool Copies => Window.IsPadded;

    /// <summary>Columns of the padded copy: what the windows of a row of outputs cover.</summary>
    public readonly int CopyColumns => (OutWidth - 1) * Window.StrideWidth + (Window.KernelWidth - 1) * Window.DilationWidth + 1;

    /// <summary>Rows of the padded copy for a band of <paramref name="rows"/>.</summary>
    public readonly int CopyRows(int rows) => (rows - 1) * Window.StrideHeight + (Window.KernelHeight - 1) * Window.DilationHeight + 1;

    /// <summary>Bytes of scratch memory of one worker: the offsets of a band's pixels, those of the segments, and the padded copy.</summary>
    public readonly long ScratchBytes => OffsetBytes + SegmentTableBytes + (Copies ? (long)CopyRows(BandRows) * CopyColumns * PixelBytes + 64 : 0);

    public readonly long OffsetBytes => Aligned((long)BandRows * OutWidth * sizeof(nint));

    public readonly long SegmentTableBytes => Aligned((long)Segments * sizeof(nint));

    private static long Aligned(long bytes) => (bytes + 63) & -64;
}
