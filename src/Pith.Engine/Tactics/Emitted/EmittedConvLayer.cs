using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A convolution or matrix product by emitted kernels of one family, cut up in one way.</summary>
internal sealed unsafe class EmittedConvLayer : RunnableLayer, IParallelBody
{
    // Less is not worth handing to another thread.
    private const double PartSeconds = 4e-6;

    // Results of more bytes do not stay in the caches until the next layer: storing them past these saves reading each line before it is written.
    private const long StreamedBytes = 8 << 20;

    // Tiles are listed for all images at once when these are not more.
    private const int LongestList = 2048;

    private readonly ContractionLayer _layer;
    private readonly ConvKernelFamily _family;
    private readonly ConvBlocking _blocking;
    private readonly ConvOperands _operands;
    private readonly ConvParameters _parameters;
    private readonly ConvArithmetic _arithmetic;
    private readonly double _seconds;
    private readonly ConvPanels[] _panels;
    private readonly nint _enterTiles;
    private readonly nint _leaveTiles;

    /// <param name="layer">The layer.</param>
    /// <param name="resources">Memory and code.</param>
    /// <param name="family">The kernels.</param>
    /// <param name="blocking">How the work is cut up.</param>
    /// <param name="operands">The layer's operands as the family sees them.</param>
    /// <param name="parameters">The layer's numbers.</param>
    /// <param name="seconds">A rough time of one image, from which threads get parts that are worth it.</param>
    public EmittedConvLayer(ContractionLayer layer, BuildResources resources, ConvKernelFamily family, ConvBlocking blocking, ConvOperands operands, ConvParameters parameters, double seconds)
    {
        (_layer, _family, _blocking, _operands, _parameters, _seconds) = (layer, family, blocking, operands, parameters, seconds);
        _arithmetic = parameters.Arithmetic;
        _panels = [.. Shapes().Select(shape => Build(shape.Shape, shape.Count, shape.FirstChannel, resources))];
        if (family.TileState(enters: true) is { } enter) _enterTiles = resources.Kernel("entertiles_amx", (nameof(TileStateEmitter), true), enter.Emit);
        if (family.TileState(enters: false) is { } leave) _leaveTiles = resources.Kernel("leavetiles_amx", (nameof(TileStateEmitter), false), leave.Emit);
        SharedScratchBytes = _operands.NeedsCopy ? parameters.Images.Bytes(resources.MaxBatch) : 0;
    }

    public override long ScratchBytes => _family.ScratchBytes;

    public override long SharedScratchBytes { get; }

    public override void Run(RunState state)
    {
        if (_operands.NeedsCopy) _parameters.Images.Run(state);
        state.RunParallel(this, Parts(state));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var parts = Parts(state);
        var args = new ConvKernelArgs { Shared = _parameters.Shared, Scratch = state.Scratch(worker) };
        foreach (var panels in _panels)
        {
            var tiles = TilesFor(panels, state);
            var all = TileCount(tiles, state);
            var (firstPanel, endPanel) = _blocking.SplitsChannels ? WorkSplit.Share(panels.Count, part, parts) : (0, panels.Count);
            var (firstTile, endTile) = _blocking.SplitsChannels ? (0, all) : WorkSplit.Share(all, part, parts);
            var block = _blocking.TilesOutside ? TilesInCache(tiles) : all;
            if (tiles.TileConfig != null) ((delegate* unmanaged<byte*, void>)_enterTiles)(tiles.TileConfig);
            for (var tile = firstTile; tile < endTile; tile += block) RunBlock(state, &args, panels, tiles, (int)firstPanel, (int)endPanel, tile, Math.Min(tile + block, endTile));
            if (tiles.TileConfig != null) ((delegate* unmanaged<byte*, void>)_leaveTiles)(null);
        }
    }

    private long TileCount(ConvTiles tiles, RunState state) => _operands.IsOnePixel ? tiles.PerImage : (long)_layer.Images(state.Batch) * tiles.PerImage;

    // Some panels on tiles that are counted over all images: one call for each group and, unless the list of tiles goes on over the images, for each image.
    private void RunBlock(RunState state, ConvKernelArgs* args, ConvPanels panels, ConvTiles tiles, int firstPanel, int endPanel, long firstTile, long endTile)
    {
        var kernel = _layer.Output.Bytes(state.Batch) > StreamedBytes ? tiles.StreamingKernel : tiles.Kernel;
        var input = (_operands.NeedsCopy ? state.SharedScratch : state.Address(_layer.Input)) + _operands.Origin;
        for (var tile = firstTile; tile < endTile;)
        {
            var image = tiles.SpansImages ? 0 : tile / tiles.PerImage;
            var count = tiles.SpansImages ? endTile - tile : Math.Min((image + 1) * tiles.PerImage, endTile) - tile;
            args->Tiles = tiles.Offsets + (tile - image * tiles.PerImage);
            args->TileCount = (nint)count;
            for (var panel = firstPanel; panel < endPanel;)
            {
                var (group, inGroup) = Math.DivRem(panel, panels.PerGroup);
                var channel = group * _operands.GroupChannels + panels.FirstChannel + inGroup * panels.Shape.Capacity;
                args->PanelCount = Math.Min(panels.PerGroup - inGroup, endPanel - panel);
                args->Weights = panels.Weights + panel * panels.WeightBytes;
                // After the last panel come the next tiles, if any do.
                args->NextWeights = panels.Weights + (panel + args->PanelCount < endPanel ? panel + args->PanelCount : firstPanel) * panels.WeightBytes;
                args->Panel = panels.Constants + panel * panels.ConstantBytes;
                args->Input = input + (nint)image * _operands.ImageBytes + group * _operands.GroupBytes + (_operands.IsDepthwise ? channel : 0);
                args->Output = state.Address(_layer.Output) + (nint)image * _operands.OutputImage + channel * _arithmetic.OutputBytes;
                if (_layer.Residual is { } residual)
                    args->Residual = state.Address(residual) + (nint)image * _operands.ResidualImage + channel * _arithmetic.ResidualBytes;
                ((delegate* unmanaged<ConvKernelArgs*, void>)kernel)(args);
                panel += (int)args->PanelCount;
            }
            tile += count;
        }
    }

    private ConvTiles TilesFor(ConvPanels panels, RunState state)
    {
        if (!_operands.IsOnePixel) return panels.Tiles[0];
        var images = _layer.Images(state.Batch);
        foreach (var tiles in panels.Tiles)
            if (tiles.Images >= images) return tiles;
        throw new InvalidOperationException($"Layer {_layer.Name} was not built for {images} images.");
    }

    private int Parts(RunState state)
    {
        var threads = state.Pool.Threads;
        var tiles = TileCount(TilesFor(_panels[0], state), state);
        var most = _blocking.SplitsChannels ? _panels[0].Count : Math.Max(tiles / _family.LeastTiles, Math.Min(tiles, threads));
        return WorkSplit.Parts(_seconds * state.Batch / PartSeconds, most, threads);
    }

    private long TilesInCache(ConvTiles tiles)
    {
        var pixels = Math.Max(1, (long)_operands.Height * _operands.Width * tiles.Images / tiles.PerImage);
        return Math.Max(1, _family.CloseBytes / (pixels * (_operands.PixelBytes + _layer.Output.PixelBytes)));
    }

    // Full panels, then what is left of each group.
    private IEnumerable<(PanelShape Shape, int Count, int FirstChannel)> Shapes()
    {
        var isNatural = _arithmetic.IsNatural;
        var full = _operands.GroupChannels / (_blocking.Vectors * PanelShape.Lanes);
        var covered = full * _blocking.Vectors * PanelShape.Lanes;
        var rest = _operands.GroupChannels - covered;
        var restVectors = _family.HasFullPanels ? _blocking.Vectors : EvenParts.Count(rest, PanelShape.Lanes);
        if (full > 0) yield return (new PanelShape(_blocking.Vectors, _blocking.Vectors * PanelShape.Lanes, isNatural) { Shared = _family.Shared }, full, 0);
        if (rest > 0) yield return (new PanelShape(restVectors, rest, isNatural) { Shared = _family.Shared }, 1, covered);
    }

    private ConvPanels Build(PanelShape shape, int perGroup, int firstChannel, BuildResources resources)
    {
        var panels = new ConvPanels
        {
            Shape = shape,
            PerGroup = perGroup,
            Count = perGroup * _operands.Groups,
            FirstChannel = firstChannel,
            WeightBytes = _family.WeightBytes(shape, _operands.Reduction),
            ConstantBytes = _arithmetic.PanelBytes(shape.Vectors),
            Tiles = [.. ImageCounts(resources.MaxBatch).Select(images => BuildTiles(shape, images, resources))],
        };
        panels.Weights = resources.Allocate(panels.Count * panels.WeightBytes);
        panels.Constants = resources.Allocate(panels.Count * panels.ConstantBytes);
        var rowBytes = ((nint)_operands.Reduction.Runs * _operands.Reduction.RunBytes + 63) & -64;
        Parallel.For(0, panels.Count, panel =>
        {
            var (group, first) = (panel / perGroup, firstChannel + panel % perGroup * shape.Capacity);
            using var rows = new AlignedMemory(shape.Capacity * rowBytes);
            for (var channel = 0; channel < shape.Capacity; channel++)
                if (ChannelOf(group, first + channel) is var k and >= 0) _parameters.CopyWeights(k, first + channel, rows.Start + channel * rowBytes);
            _family.Pack(shape, _operands.Reduction, rows.Start, rowBytes, panels.Weights + panel * panels.WeightBytes);
            _parameters.FillPanel(shape, channel => channel < shape.Channels ? ChannelOf(group, first + channel) : -1, panels.Constants + panel * panels.ConstantBytes);
        });
        return panels;
    }

    // The layer's output channel, or -1 for padding.
    private int ChannelOf(int group, int channel)
    {
        var k = group * _operands.GroupChannels + channel;
        if (_operands.JoinedPixels > 1) k %= _layer.OutChannels;
        return channel < _operands.GroupChannels && k < _layer.OutChannels ? k : -1;
    }

    private IEnumerable<int> ImageCounts(int maxBatch)
    {
        var most = _operands.IsOnePixel ? _layer.Images(maxBatch) : 1;
        for (var images = 1; images < most; images *= 2) yield return images;
        yield return most;
    }

    // One line for each of a step's vectors, shared out over all tiles of a panel at batch 1.
    private int FetchSteps(PanelShape shape, int tiles) => _family.FetchesWeights ? Math.Max(1, tiles / shape.Vectors) : 0;

    private ConvTiles BuildTiles(PanelShape shape, int images, BuildResources resources)
    {
        var (height, width) = _operands.IsOnePixel ? (1, images) : (_operands.Height, _operands.Width);
        // Single pixels lie one image apart.
        var (output, residual) = (_layer.Output, _layer.Residual);
        var inputColumn = _operands.IsOnePixel ? _operands.ImageBytes : _operands.InputColumn;
        var outputColumn = _operands.IsOnePixel ? _operands.OutputImage : output.PixelBytes * _operands.JoinedPixels;
        var residualColumn = _operands.IsOnePixel ? _operands.ResidualImage : (residual?.PixelBytes ?? 0) * _operands.JoinedPixels;
        var (outputRow, residualRow) = (output.RowBytes, residual?.RowBytes ?? 0);
        var full = new TilePattern(height, width)
        {
            InputRow = (int)_operands.InputRow,
            InputColumn = (int)inputColumn,
            OutputRow = (int)outputRow,
            OutputColumn = (int)outputColumn,
            ResidualRow = (int)residualRow,
            ResidualColumn = (int)residualColumn,
        };
        var pattern = _family.Tile(full, shape.Vectors, _arithmetic.Temporaries);
        var (rows, columns) = (pattern.Rows, pattern.Columns);
        // Tiles of one row are the same code whatever the row's length.
        if (rows == 1) pattern = pattern with { InputRow = 0, OutputRow = 0, ResidualRow = 0 };
        var (down, across) = (EvenParts.Count(height, rows), EvenParts.Count(width, columns));
        var perImage = down * across;
        var listed = !_operands.IsOnePixel && (long)perImage * resources.MaxBatch <= LongestList ? _layer.Images(resources.MaxBatch) : 1;
        var offsets = (TileOffsets*)resources.Allocate((long)listed * perImage * sizeof(TileOffsets));
        for (var i = 0; i < listed * perImage; i++)
        {
            var (image, tile) = Math.DivRem(i, perImage);
            // The last tiles overlap those before, so that all are full.
            nint y = Math.Min(tile / across * rows, height - rows), x = Math.Min(tile % across * columns, width - columns);
            offsets[i] = new TileOffsets
            {
                Input = image * _operands.ImageBytes + y * _operands.InputRow + x * inputColumn,
                Output = image * _operands.OutputImage + y * outputRow + x * outputColumn,
                Residual = image * _operands.ResidualImage + y * residualRow + x * residualColumn,
            };
        }
        var spec = new ConvKernelSpec(shape, pattern, _operands.Reduction, _arithmetic) { FetchSteps = FetchSteps(shape, _blocking.SplitsChannels || _operands.IsOnePixel ? perImage : EvenParts.Count(perImage, resources.Device.Threads)), FetchAhead = _family.FetchAhead(_family.WeightBytes(shape, _operands.Reduction)) };
        nint Kernel(ConvKernelSpec spec) => resources.Kernel(_family.KernelName(spec), (_family.Name, spec), () => _family.Emitter(spec).Emit());
        var kernel = Kernel(spec);
        return new ConvTiles
        {
            Images = images,
            SpansImages = _operands.IsOnePixel || listed > 1,
            Kernel = kernel,
            StreamingKernel = _parameters.Streaming is { } streaming && _layer.Output.Bytes(resources.MaxBatch) > StreamedBytes ? Kernel(spec with { Arithmetic = streaming }) : kernel,
            TileConfig = _family.TileConfig(spec) is { Length: > 0 } config ? resources.Copy<byte>(config) : null,
            Offsets = offsets,
            PerImage = perImage,
        };
    }
}
