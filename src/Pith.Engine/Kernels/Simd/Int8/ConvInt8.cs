namespace Pith.Kernels.Int8;

/// <summary>
/// An INT8 convolution: geometry, packed weights and epilogue. Output channels are cut into panels of <see cref="TileInt8.Panel"/>; a band of one image and some panels are one part of the work.
/// </summary>
internal unsafe struct ConvInt8
{
    public BandInt8 Bands;

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

    /// <summary>Bytes from a window's start to each segment, [<see cref="Segments"/>].</summary>
    public nint* SegmentOffsets;

    public Int8Epilogue Epilogue;

    /// <summary>Panels of a part.</summary>
    public int PartPanels;

    /// <summary>All panels of a tile before the next tile, when the weights of a part are small enough to stay close: results then leave whole. Otherwise all tiles of a panel before the next panel.</summary>
    public bool BlocksOutside;

    public readonly int PanelsPerGroup => (GroupOut + TileInt8.Panel - 1) / TileInt8.Panel;

    public readonly int Panels => Groups * PanelsPerGroup;

    public readonly int PanelParts => (Panels + PartPanels - 1) / PartPanels;

    /// <summary>Whether the columns of a window lie next to each other in memory, so that a row of taps is one segment.</summary>
    public readonly bool JoinsColumns => Groups == 1 && Bands.Window.DilationWidth == 1;

    public readonly int Segments => JoinsColumns ? Bands.Window.KernelHeight : Bands.Window.Taps;

    public readonly int SegmentBytes => JoinsColumns ? Bands.Window.KernelWidth * Bands.PixelBytes : GroupBytes;
}
