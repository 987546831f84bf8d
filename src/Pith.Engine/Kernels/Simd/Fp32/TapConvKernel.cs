namespace Pith.Kernels.Simd;

/// <summary>Packs and runs a <see cref="TapConv"/> with the vectors of an instruction-set level, depthwise or dense.</summary>
internal static unsafe class TapConvKernel
{
    /// <summary>Floats of the packed weights of all groups.</summary>
    public static nint PackedFloats(in TapConv conv, CpuFeatures isa) => conv.IsDepthwise
        ? DepthwisePacking.Size(conv, isa.Fp32Lanes)
        : conv.Groups * PanelPacking.GroupSize(conv.GroupOut, conv.Reduction, isa.Fp32Lanes);

    /// <summary>Number of work items of <see cref="Pack"/>.</summary>
    public static int PackItems(in TapConv conv, CpuFeatures isa) =>
        conv.IsDepthwise ? conv.H.Count * conv.W.Count : conv.Groups * PanelPacking.Panels(conv.GroupOut, isa.Fp32Lanes);

    /// <summary>Packs items of the weights, given those of group 0 and the floats between groups, to the start of the packed weights.</summary>
    public static void Pack(in TapConv conv, in WeightView first, nint groupStride, float* packed, CpuFeatures isa, int begin, int end)
    {
        var lanes = isa.Fp32Lanes;
        if (conv.IsDepthwise) DepthwisePacking.Pack(conv, first, groupStride, packed, lanes, begin, end);
        else PanelPacking.PackGroups(first, groupStride, packed, lanes, begin, end);
    }

    /// <summary>Number of work items; each writes outputs of its own.</summary>
    public static int WorkItems(in TapConv conv, CpuFeatures isa) => isa.Fp32Lanes switch
    {
        16 => WorkItems<Vec512>(conv),
        8 => WorkItems<Vec256>(conv),
        _ => WorkItems<Vec128>(conv),
    };

    /// <summary>Floats of scratch memory that each concurrent <see cref="Run"/> needs for itself.</summary>
    public static nint WorkspaceFloats(in TapConv conv, CpuFeatures isa) => isa.Fp32Lanes switch
    {
        16 => WorkspaceFloats<Vec512>(conv),
        8 => WorkspaceFloats<Vec256>(conv),
        _ => WorkspaceFloats<Vec128>(conv),
    };

    /// <summary>Computes items [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static void Run(in TapConv conv, CpuFeatures isa, int begin, int end, float* workspace)
    {
        switch (isa.Fp32Lanes)
        {
            case 16: Run<Vec512>(conv, begin, end, workspace); break;
            case 8: Run<Vec256>(conv, begin, end, workspace); break;
            default: Run<Vec128>(conv, begin, end, workspace); break;
        }
    }

    private static int WorkItems<V>(in TapConv conv) where V : struct, IVec<V> =>
        conv.IsDepthwise ? DepthwiseKernel<V>.WorkItems(conv) : TapConvKernel<V>.WorkItems(conv);

    private static nint WorkspaceFloats<V>(in TapConv conv) where V : struct, IVec<V> =>
        conv.IsDepthwise ? DepthwiseKernel<V>.WorkspaceFloats(conv) : TapConvKernel<V>.WorkspaceFloats(conv);

    private static void Run<V>(in TapConv conv, int begin, int end, float* workspace) where V : struct, IVec<V>
    {
        if (conv.IsDepthwise) DepthwiseKernel<V>.Run(conv, begin, end, workspace);
        else TapConvKernel<V>.Run(conv, begin, end, workspace);
    }
}

/// <summary>Runs work items of a dense <see cref="TapConv"/> with vectors <typeparamref name="V"/>.</summary>
internal static unsafe class TapConvKernel<V> where V : struct, IVec<V>
{
    public static int WorkItems(in TapConv conv) => Blocking(conv.FlattenedIfPointwise()).Items;

    public static nint WorkspaceFloats(in TapConv conv)
    {
        var flat = conv.FlattenedIfPointwise();
        return Workspace.Plan(flat, Blocking(flat)).Floats;
    }

    public static void Run(in TapConv conv, int begin, int end, float* workspace)
    {
        var flat = conv.FlattenedIfPointwise();
        var blocking = Blocking(flat);
        var scratch = Workspace.Plan(flat, blocking);
        for (var item = begin; item < end; item++) RunItem(flat, blocking, scratch, workspace, item);
    }

    private static TapConvBlocking Blocking(in TapConv conv) => new(conv, V.Count, V.MaxTileRows);

    /// <summary>Parts of the scratch memory, in floats from its start.</summary>
    private readonly record struct Workspace(nint Sums, nint Runs, nint CutRuns, nint Floats)
    {
        private const int FloatsPerRun = 4;

        public static Workspace Plan(in TapConv conv, in TapConvBlocking blocking)
        {
            nint padded = 0;
            if (blocking.NeedsPadding)
            {
                padded = (nint)conv.H.Extent(blocking.Rows) * conv.W.Extent(blocking.Columns) * conv.GroupIn;
            }
            var sums = (padded + 15) / 16 * 16;
            var runs = sums + (nint)blocking.Rows * blocking.Columns * 2 * V.Count;
            nint runFloats = (nint)conv.H.Count * conv.W.Count * FloatsPerRun;
            return new Workspace(sums, runs, runs + runFloats, runs + 2 * runFloats);
        }
    }

    /// <summary>The outputs of one item and where their inputs are.</summary>
    private struct Block
    {
        public int Image, Row, Rows, Column, Columns, Group, FirstPanel, EndPanel;
        public float* Input;
        public nint InputRowStride, InputPixelStride;
    }

    private static void RunItem(in TapConv conv, in TapConvBlocking blocking, in Workspace scratch, float* workspace, int item)
    {
        var block = Locate(conv, blocking, item);
        FindInput(conv, ref block, workspace);
        var runs = (TileRun*)(workspace + scratch.Runs);
        var runCount = TapRuns.Build(conv.H, conv.W, block.InputRowStride, block.InputPixelStride, conv.GroupIn, runs);

        TileArgs tile = default;
        tile.A = block.Input;
        tile.AStep = sizeof(float);
        tile.RowStep = conv.W.Stride * block.InputPixelStride * sizeof(float);
        var reduction = conv.Reduction;
        float* weights = conv.Packed + block.Image * conv.PackedImageStride + block.Group * PanelPacking.GroupSize(conv.GroupOut, reduction, V.Count);
        for (var panel = block.FirstPanel; panel < block.EndPanel; panel++)
        {
            var channel = panel * 2 * V.Count;
            var vectors = conv.GroupOut - channel > V.Count ? 2 : 1;
            var width = vectors * V.Count;
            tile.AccStride = width;
            tile.BStep = width * sizeof(float);
            if (SlidingTile<V>.Suits(conv))
            {
                tile.B = weights + (nint)channel * reduction;
                RunTiles(conv, block, ref tile, workspace + scratch.Sums, channel, vectors, isFirst: true, isLast: true);
                continue;
            }
            for (var from = 0; from < reduction || from == 0; from += blocking.ReductionBlock)
            {
                var to = Math.Min(reduction, from + blocking.ReductionBlock);
                tile.Runs = runs;
                tile.RunCount = runCount;
                if (to - from < reduction)
                {
                    tile.Runs = (TileRun*)(workspace + scratch.CutRuns);
                    tile.RunCount = TapRuns.Cut(runs, runCount, from, to, tile.Runs);
                }
                tile.B = weights + (nint)channel * reduction + (nint)from * width;
                tile.Accumulate = from > 0 ? 1 : 0;
                RunTiles(conv, block, ref tile, workspace + scratch.Sums, channel, vectors, isFirst: from == 0, isLast: to == reduction);
            }
        }
    }

    private static void RunTiles(
        in TapConv conv, in Block block, ref TileArgs tile, float* sums, int channel, int vectors, bool isFirst, bool isLast)
    {
        var slides = SlidingTile<V>.Suits(conv);
        var maxRows = slides ? V.MaxSlidingRows : V.MaxTileRows;
        var tilesPerRow = (block.Columns + maxRows - 1) / maxRows;
        int size = block.Columns / tilesPerRow, larger = block.Columns % tilesPerRow;
        var channels = Math.Min(conv.GroupOut - channel, vectors * V.Count);
        var firstChannel = block.Group * conv.GroupOut + channel;
        EpilogueArgs epilogue;
        epilogue.Bias = conv.Bias == null ? null : conv.Bias + firstChannel;
        epilogue.Channels = channels;
        epilogue.SumStride = tile.AccStride;
        epilogue.OutStride = conv.Out.PixelStride;
        epilogue.ResidualStride = conv.Residual.PixelStride;
        epilogue.A = conv.Activation.A;
        epilogue.B = conv.Activation.B;
        fixed (TileArgs* t = &tile)
        {
            float* input = t->A;
            t->Acc = sums;
            for (var h = 0; h < block.Rows; h++)
            {
                var column = 0;
                for (var i = 0; i < tilesPerRow; i++)
                {
                    var rows = i < larger ? size + 1 : size;
                    t->A = input + h * conv.H.Stride * block.InputRowStride + column * conv.W.Stride * block.InputPixelStride;
                    if (slides) Slide(conv, block, rows, vectors, t);
                    else GemmTile<V>.Run(rows, vectors, t);
                    if (isLast)
                    {
                        epilogue.Sums = t->Acc;
                        epilogue.Rows = rows;
                        epilogue.Out = conv.Out.At(block.Image, block.Row + h, block.Column + column) + firstChannel;
                        epilogue.Residual = conv.Residual.Data == null
                            ? null
                            : conv.Residual.At(block.Image, block.Row + h, block.Column + column) + firstChannel;
                        TileEpilogue<V>.Run(conv.Activation.Kind, &epilogue);
                    }
                    column += rows;
                    // One pass needs no memory between passes: every tile uses the same sums, which stay in the L1 cache.
                    if (!isFirst || !isLast) t->Acc += rows * t->AccStride;
                }
            }
            t->A = input;
        }
    }

    private static void Slide(in TapConv conv, in Block block, int rows, int vectors, TileArgs* tile)
    {
        SlidingTileArgs args;
        args.A = tile->A;
        args.TapRows = conv.H.Count;
        args.Channels = conv.GroupIn;
        args.PixelStep = block.InputPixelStride * sizeof(float);
        args.RowStep = conv.H.Step * block.InputRowStride * sizeof(float);
        args.BStep = tile->BStep;
        args.AccStride = tile->AccStride;
        for (var vector = 0; vector < vectors; vector++)
        {
            args.B = tile->B + vector * V.Count;
            args.Acc = tile->Acc + vector * V.Count;
            SlidingTile<V>.Run(rows, &args);
        }
    }

    private static Block Locate(in TapConv conv, in TapConvBlocking blocking, int item)
    {
        Block block = default;
        var panels = item % blocking.PanelBlocks;
        item /= blocking.PanelBlocks;
        block.FirstPanel = panels * blocking.PanelsPerItem;
        block.EndPanel = Math.Min(blocking.Panels, block.FirstPanel + blocking.PanelsPerItem);
        block.Group = item % conv.Groups;
        item /= conv.Groups;
        block.Column = item % blocking.ColumnBlocks * blocking.Columns;
        block.Columns = Math.Min(blocking.Columns, conv.Out.Width - block.Column);
        item /= blocking.ColumnBlocks;
        block.Row = item % blocking.RowBlocks * blocking.Rows;
        block.Rows = Math.Min(blocking.Rows, conv.Out.Height - block.Row);
        block.Image = item / blocking.RowBlocks;
        return block;
    }

    private static void FindInput(in TapConv conv, ref Block block, float* scratch)
    {
        int row = conv.H.First(block.Row), rows = conv.H.Extent(block.Rows);
        int column = conv.W.First(block.Column), columns = conv.W.Extent(block.Columns);
        var group = conv.In.Slice(block.Group * conv.GroupIn, conv.GroupIn);
        if (row >= 0 && column >= 0 && row + rows <= conv.In.Height && column + columns <= conv.In.Width)
        {
            block.Input = group.At(block.Image, row, column);
            block.InputRowStride = group.RowStride;
            block.InputPixelStride = group.PixelStride;
            return;
        }
        PaddedCopy.Of(group, block.Image).Run(row, rows, column, columns, (byte*)scratch);
        block.Input = scratch;
        block.InputPixelStride = group.Channels;
        block.InputRowStride = (nint)columns * group.Channels;
    }
}
