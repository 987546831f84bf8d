namespace Pith.Kernels.Simd;

/// <summary>
/// How a <see cref="TapConv"/> is cut into work items and blocks. Depends on the shape and the vector width only; no result depends on it,
/// because each output is one sum in a fixed order however it is cut.
/// </summary>
internal readonly struct TapConvBlocking
{
    /// <summary>Bytes of input that one item should touch, so that they stay in the L2 cache while all panels pass.</summary>
    private const int TargetInputBytes = 256 << 10;

    /// <summary>Weights of a group that stay in the L2 cache between the blocks of an image.</summary>
    private const int ResidentWeightBytes = 1 << 20;

    /// <summary>Reduction steps per pass over the tiles of an item: a panel of 32 outputs then takes 64 KiB.</summary>
    private const int MaxReductionBlock = 512;

    /// <summary>Items wanted, where the problem is large enough, so that a few threads stay evenly loaded.</summary>
    private const int TargetItems = 16;

    /// <summary>Multiply-adds below which an item is not worth splitting further.</summary>
    private const long MinItemWork = 1 << 18;

    /// <summary>Output rows of a block.</summary>
    public int Rows { get; }

    /// <summary>Output columns of a block.</summary>
    public int Columns { get; }

    /// <summary>Blocks along H.</summary>
    public int RowBlocks { get; }

    /// <summary>Blocks along W.</summary>
    public int ColumnBlocks { get; }

    /// <summary>Panels of a group.</summary>
    public int Panels { get; }

    /// <summary>Panels of one item.</summary>
    public int PanelsPerItem { get; }

    /// <summary>Items along the panels.</summary>
    public int PanelBlocks { get; }

    /// <summary>Reduction steps of one pass.</summary>
    public int ReductionBlock { get; }

    /// <summary>Whether some output reads outside the input, so that blocks are copied with zeros around them.</summary>
    public bool NeedsPadding { get; }

    /// <summary>Number of work items.</summary>
    public int Items { get; }

    public TapConvBlocking(in TapConv conv, int lanes, int maxTileRows)
    {
        int height = conv.Out.Height, width = conv.Out.Width, reduction = Math.Max(1, conv.Reduction);
        NeedsPadding = !conv.H.StaysInside(height, conv.In.Height) || !conv.W.StaysInside(width, conv.In.Width);
        Panels = PanelPacking.Panels(conv.GroupOut, lanes);

        var pixelBytes = Math.Max(1, conv.GroupIn * sizeof(float) * conv.W.Stride);
        var maxColumns = Math.Clamp(TargetInputBytes / pixelBytes, maxTileRows, 16 * maxTileRows) / maxTileRows * maxTileRows;
        ColumnBlocks = EvenParts.Count(Math.Max(1, width), maxColumns);
        Columns = width <= maxColumns ? width : maxColumns;

        var rowBytes = (long)Math.Max(1, conv.W.Extent(Columns)) * conv.GroupIn * sizeof(float);
        var inputRows = TargetInputBytes / rowBytes;
        var maxRows = (int)Math.Clamp((inputRows - conv.H.Extent(1)) / conv.H.Stride + 1, 1, Math.Max(1, height));
        // Splitting rows reads the weights again for each part: too dear when they do not fit the L2 cache. Splitting panels reads the input again.
        long rowWork = (long)Columns * reduction * conv.GroupOut;
        var others = (long)conv.Groups * conv.Out.Images * ColumnBlocks;
        var splitsPanelsFirst = (long)reduction * conv.GroupOut * sizeof(float) > ResidentWeightBytes;
        var panelBlocks = splitsPanelsFirst ? SplitPanels(others * EvenParts.Count(height, maxRows), maxRows * rowWork) : 1;
        while (maxRows > 1 && others * panelBlocks * EvenParts.Count(height, maxRows) < TargetItems && maxRows * rowWork / panelBlocks > MinItemWork)
        {
            maxRows = EvenParts.Count(maxRows, 2);
        }
        RowBlocks = EvenParts.Count(Math.Max(1, height), maxRows);
        Rows = EvenParts.Count(height, RowBlocks);

        var items = others * RowBlocks;
        panelBlocks = Math.Max(panelBlocks, SplitPanels(items, Rows * rowWork));
        PanelsPerItem = EvenParts.Count(Panels, panelBlocks);
        PanelBlocks = EvenParts.Count(Panels, PanelsPerItem);
        Items = height == 0 || width == 0 ? 0 : checked((int)(items * PanelBlocks));

        var passes = EvenParts.Count(reduction, MaxReductionBlock);
        ReductionBlock = EvenParts.Count(reduction, passes);
    }

    /// <summary>Parts to cut the panels of <paramref name="items"/> items into, each item of <paramref name="work"/> multiply-adds.</summary>
    private int SplitPanels(long items, long work)
    {
        var parts = (int)Math.Clamp(EvenParts.Count(TargetItems, Math.Max(1, items)), 1, Panels);
        while (parts > 1 && work / parts < MinItemWork) parts--;
        return parts;
    }
}
