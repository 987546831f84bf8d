using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A built <see cref="Int8EmittedConv"/>.</summary>
internal sealed unsafe class EmittedConvLayer : RunnableLayer, IParallelBody
{
    // Less is not worth handing to another thread.
    private const double PartSeconds = 4e-6;

    // Tiles whose input and output stay in the first-level cache while all panels pass over them.
    private const int CloseBytes = 16 << 10;

    private readonly ContractionLayer _layer;
    private readonly ConvKernelFamily _family;
    private readonly ConvBlocking _blocking;
    private readonly ConvOperands _operands;
    private readonly EpilogueSpec _epilogue;
    private readonly double _seconds;
    private readonly byte* _shared;
    private readonly ConvPanels[] _panels;
    private readonly PaddedCopies? _copies;

    public EmittedConvLayer(ContractionLayer layer, BuildResources resources, ConvKernelFamily family, ConvBlocking blocking, double seconds)
    {
        (_layer, _family, _blocking, _seconds) = (layer, family, blocking, seconds);
        _operands = new ConvOperands(layer);
        var constants = new ContractionConstants(layer);
        var epilogue = EpilogueInt8.Create(layer, constants, resources);
        _epilogue = EpilogueConstants.Spec(epilogue, constants, EmittedConvEstimate.LargestSum(layer));
        _shared = resources.Allocate(EpilogueConstants.SharedBytes);
        EpilogueConstants.Fill(epilogue, _shared);
        resources.KeepConstant(layer.Residual);
        _panels = [.. Shapes().Select(shape => Build(shape.Shape, shape.Count, shape.FirstChannel, constants, resources))];
        if (_operands.NeedsCopy) _copies = new PaddedCopies(layer, _operands);
        SharedScratchBytes = _operands.NeedsCopy ? layer.Images(resources.MaxBatch) * (long)_operands.ImageBytes : 0;
    }

    public override long ScratchBytes => _family.ScratchBytes;

    public override long SharedScratchBytes { get; }

    public override void Run(RunState state)
    {
        if (_copies is not null) state.RunParallel(_copies, _layer.Images(state.Batch));
        state.RunParallel(this, Parts(state));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var parts = Parts(state);
        var args = new ConvKernelArgs { Shared = _shared, Scratch = state.Scratch(worker) };
        foreach (var panels in _panels)
        {
            var tiles = TilesFor(panels, state);
            var (firstPanel, endPanel) = _blocking.SplitsChannels ? Share(panels.Count, part, parts) : (0, panels.Count);
            var all = _operands.IsOnePixel ? tiles.Count : (long)_layer.Images(state.Batch) * tiles.Count;
            var (firstTile, endTile) = _blocking.SplitsChannels ? (0, all) : Share(all, part, parts);
            var block = _blocking.TilesOutside ? TilesInCache(panels, tiles) : all;
            for (var tile = firstTile; tile < endTile; tile += block)
                for (var panel = firstPanel; panel < endPanel; panel++) RunPanel(state, &args, panels, tiles, (int)panel, tile, Math.Min(tile + block, endTile));
        }
    }

    private static (long First, long End) Share(long count, int part, int parts) => (count * part / parts, count * (part + 1) / parts);

    // One panel on tiles that are counted over all images.
    private void RunPanel(RunState state, ConvKernelArgs* args, ConvPanels panels, ConvTiles tiles, int panel, long begin, long end)
    {
        var (group, inGroup) = panels.Place(panel);
        var channel = group * _operands.GroupChannels + inGroup;
        args->Weights = panels.Weights + panel * panels.WeightBytes;
        args->Panel = panels.Constants + panel * panels.ConstantBytes;
        var input = (_operands.NeedsCopy ? state.SharedScratch : state.Address(_layer.Input)) + _operands.Origin + group * _operands.GroupBytes;
        var output = state.Address(_layer.Output) + channel * (_epilogue.IsFloatOutput ? sizeof(float) : 1);
        var residual = _layer.Residual is { } slot ? state.Address(slot) + channel * (_epilogue.Residual == ResidualKind.Floats ? sizeof(float) : 1) : null;
        while (begin < end)
        {
            var (image, first) = Math.DivRem(begin, tiles.Count);
            var count = Math.Min(tiles.Count - first, end - begin);
            args->Input = input + (nint)image * _operands.ImageBytes;
            args->Output = output + (nint)image * _layer.Output.ImageBytes;
            args->Residual = residual + (nint)image * (_layer.Residual?.ImageBytes ?? 0);
            args->Tiles = tiles.Offsets + first;
            args->TileCount = (nint)count;
            ((delegate* unmanaged<ConvKernelArgs*, void>)tiles.Kernel)(args);
            begin += count;
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
        if (threads == 1) return 1;
        var wanted = (int)Math.Clamp(_seconds * state.Batch / PartSeconds, 1, 4 * threads);
        // As many for each thread: a remainder would leave the others waiting.
        if (wanted > threads) wanted = wanted / threads * threads;
        var main = _panels[0];
        var tiles = TilesFor(main, state);
        var divisible = _blocking.SplitsChannels ? main.Count : _operands.IsOnePixel ? tiles.Count : (long)_layer.Images(state.Batch) * tiles.Count;
        return (int)Math.Min(wanted, divisible);
    }

    private long TilesInCache(ConvPanels panels, ConvTiles tiles)
    {
        var pixels = Math.Max(1, (long)_operands.Height * _operands.Width * tiles.Images / tiles.Count);
        return Math.Max(1, CloseBytes / (pixels * (_operands.PixelBytes + _layer.Output.PixelBytes)));
    }

    // Full panels, then what is left of each group.
    private IEnumerable<(PanelShape Shape, int Count, int FirstChannel)> Shapes()
    {
        var isNatural = _epilogue.IsNatural;
        var full = _operands.GroupChannels / (_blocking.Vectors * PanelShape.Lanes);
        var covered = full * _blocking.Vectors * PanelShape.Lanes;
        var rest = _operands.GroupChannels - covered;
        if (full > 0) yield return (new PanelShape(_blocking.Vectors, _blocking.Vectors * PanelShape.Lanes, isNatural), full, 0);
        if (rest > 0) yield return (new PanelShape((rest + PanelShape.Lanes - 1) / PanelShape.Lanes, rest, isNatural), 1, covered);
    }

    private ConvPanels Build(PanelShape shape, int perGroup, int firstChannel, ContractionConstants constants, BuildResources resources)
    {
        var count = perGroup * _operands.Groups;
        (int Group, int Channel) Place(int panel) => (panel / perGroup, firstChannel + panel % perGroup * shape.Capacity);
        var weightBytes = _family.WeightBytes(shape, _operands.Reduction);
        var weights = resources.Allocate(count * weightBytes);
        var constantBytes = EpilogueConstants.PanelBytes(shape.Vectors);
        var block = resources.Allocate((long)count * constantBytes);
        Parallel.For(0, count, panel =>
        {
            var (group, first) = Place(panel);
            _family.Pack(shape, _operands.Reduction, (channel, run, index) => Weight(group, first + channel, run, index), weights + panel * weightBytes);
            EpilogueConstants.FillPanel(shape, channel => channel < shape.Channels ? ChannelOf(group, first + channel) : -1, constants, block + panel * constantBytes);
        });
        return new ConvPanels
        {
            Shape = shape,
            Count = count,
            Place = Place,
            Weights = weights,
            WeightBytes = weightBytes,
            Constants = block,
            ConstantBytes = constantBytes,
            Tiles = [.. ImageCounts(resources.MaxBatch).Select(images => BuildTiles(shape, images, resources))],
        };
    }

    // The layer's output channel, or -1 for padding.
    private int ChannelOf(int group, int channel)
    {
        var k = group * _operands.GroupChannels + channel;
        return channel < _operands.GroupChannels && k < _layer.OutChannels ? k : -1;
    }

    private sbyte Weight(int group, int outChannel, int run, int index)
    {
        var k = ChannelOf(group, outChannel);
        if (k < 0) return 0;
        var (tap, channel) = _operands.Locate(_layer.Window, run, index);
        // Channels of a joined group meet only those of their own group.
        if (outChannel / _operands.GroupOut != channel / _operands.GroupIn || (_operands.Groups == 1 && channel >= _layer.Channels)) return 0;
        return _layer.Int8!.Weights.Data[(k * _operands.GroupIn + channel % _operands.GroupIn) * _layer.Window.Taps + tap];
    }

    private IEnumerable<int> ImageCounts(int maxBatch)
    {
        var most = _operands.IsOnePixel ? _layer.Images(maxBatch) : 1;
        for (var images = 1; images < most; images *= 2) yield return images;
        yield return most;
    }

    private ConvTiles BuildTiles(PanelShape shape, int images, BuildResources resources)
    {
        var (height, width) = _operands.IsOnePixel ? (1, images) : (_operands.Height, _operands.Width);
        var (rows, columns) = TileSize(height, width, _family.LargestTile(shape.Vectors, _epilogue));
        // Single pixels lie one image apart.
        var (output, residual) = (_layer.Output, _layer.Residual);
        var inputColumn = _operands.IsOnePixel ? _operands.ImageBytes : _operands.InputColumn;
        var outputColumn = _operands.IsOnePixel ? output.ImageBytes : output.PixelBytes;
        var residualColumn = residual is null ? 0 : _operands.IsOnePixel ? residual.ImageBytes : residual.PixelBytes;
        var (outputRow, residualRow) = ((nint)output.RowBytes, (nint)(residual?.RowBytes ?? 0));
        var pattern = new TilePattern(rows, columns)
        {
            InputRow = rows == 1 ? 0 : (int)_operands.InputRow,
            InputColumn = (int)inputColumn,
            OutputRow = rows == 1 ? 0 : (int)outputRow,
            OutputColumn = (int)outputColumn,
            ResidualRow = rows == 1 ? 0 : (int)residualRow,
            ResidualColumn = (int)residualColumn,
        };
        var (down, across) = ((height + rows - 1) / rows, (width + columns - 1) / columns);
        var offsets = (TileOffsets*)resources.Allocate((long)down * across * sizeof(TileOffsets));
        for (var i = 0; i < down * across; i++)
        {
            // The last tiles overlap those before, so that all are full.
            nint y = Math.Min(i / across * rows, height - rows), x = Math.Min(i % across * columns, width - columns);
            offsets[i] = new TileOffsets { Input = y * _operands.InputRow + x * inputColumn, Output = y * outputRow + x * outputColumn, Residual = y * residualRow + x * residualColumn };
        }
        var spec = new ConvKernelSpec(shape, pattern, _operands.Reduction, _epilogue);
        var kernel = resources.Code.Get((_family.Name, spec), () => _family.Emit(spec));
        return new ConvTiles { Images = images, Kernel = kernel, Offsets = offsets, Count = down * across };
    }

    // The fewest tiles of at most so many pixels, all of one size: parts of a row, or several whole rows.
    private static (int Rows, int Columns) TileSize(int height, int width, int most)
    {
        static int Even(int length, int most) => (length + (length + most - 1) / most - 1) / ((length + most - 1) / most);
        return width >= most ? (1, Even(width, most)) : (Even(height, Math.Min(height, most / width)), width);
    }

    /// <summary>Copies images into shared scratch memory with their padding around them.</summary>
    private sealed class PaddedCopies(ContractionLayer layer, ConvOperands operands) : IParallelBody
    {
        public void RunPart(RunState state, int part, int worker)
        {
            var copy = new PaddedCopyInt8
            {
                Image = state.Address(layer.Input) + part * layer.Input.ImageBytes,
                Height = layer.Input.Height,
                Width = layer.Input.Width,
                PixelBytes = layer.Input.PixelBytes,
                RowBytes = layer.Input.RowBytes,
                ZeroPoint = (byte)layer.Int8!.Input.StoredZeroPoint,
                PadLeft = layer.Window.PadLeft,
                Columns = operands.CopyColumns,
            };
            copy.Run(-layer.Window.PadTop, operands.CopyRows, state.SharedScratch + part * operands.ImageBytes);
        }
    }
}
