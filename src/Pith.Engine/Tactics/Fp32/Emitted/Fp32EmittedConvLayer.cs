using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A built <see cref="Fp32EmittedConv"/>.</summary>
internal sealed unsafe class Fp32EmittedConvLayer : RunnableLayer, IParallelBody
{
    // Less is not worth handing to another thread.
    private const double PartSeconds = 8e-6;

    // Input and output of so many bytes stay in the second-level cache, beside a panel, while all panels pass over them.
    private const int BlockBytes = 320 << 10;

    // Results of more bytes do not stay in the caches until the next layer: storing them past these saves reading each line before it is written.
    private const long StreamedBytes = 8 << 20;

    // Tiles of one call.
    private const int MostTiles = 1024;

    private readonly ContractionLayer _layer;
    private readonly Fp32ConvOperands _operands;
    private readonly double _seconds;
    private readonly byte* _constants;
    private readonly Fp32ConvPanels[] _panels;
    private readonly long _weightBytes;
    private readonly Fp32PaddedCopies? _copies;

    public Fp32EmittedConvLayer(ContractionLayer layer, BuildResources resources, double seconds)
    {
        (_layer, _seconds) = (layer, seconds);
        _operands = new Fp32ConvOperands(layer);
        var epilogue = Fp32Epilogue.Spec(layer);
        _constants = Fp32Epilogue.Constants(layer, resources);
        _panels = [.. Panels(epilogue, resources)];
        _weightBytes = _panels.Sum(panels => panels.Count * (long)panels.WeightBytes);
        if (!_operands.NeedsCopy) return;
        _copies = new Fp32PaddedCopies(layer, _operands);
        SharedScratchBytes = _copies.Bytes(resources.MaxBatch);
    }

    public override long ScratchBytes => MostTiles * sizeof(TileOffsets);

    public override long SharedScratchBytes { get; }

    public override void Run(RunState state)
    {
        _copies?.Run(state);
        state.RunParallel(this, Parts(state));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var parts = Parts(state);
        var splitsPanels = SplitsPanels(state);
        var args = new Fp32KernelArgs { Constants = _constants, Tiles = (TileOffsets*)state.Scratch(worker) };
        foreach (var panels in _panels)
        {
            var grid = Grid(panels, state);
            var ((firstPanel, endPanel), (firstTile, endTile)) = splitsPanels ? (Share(panels.Count), (0, grid.Count)) : ((0, panels.Count), Share(grid.Count));
            var block = BlockTiles(grid, endTile - firstTile, panels, endPanel - firstPanel);
            (int First, int End) Share(int count) => WorkSplit.Share(count, part, parts) is var (first, end) ? ((int)first, (int)end) : default;
            for (var tile = firstTile; tile < endTile; tile += block) RunBlock(state, &args, panels, grid, firstPanel, endPanel, tile, Math.Min(tile + block, endTile));
        }
    }

    // All panels on some tiles: one call for each group.
    private void RunBlock(RunState state, Fp32KernelArgs* args, Fp32ConvPanels panels, Fp32TileGrid grid, int firstPanel, int endPanel, int firstTile, int endTile)
    {
        List(args, grid, firstTile, endTile);
        var input = (_operands.NeedsCopy ? state.SharedScratch : state.Address(_layer.Input)) + _operands.Origin;
        for (var panel = firstPanel; panel < endPanel; panel += (int)args->PanelCount)
        {
            var (group, inGroup) = panels.Locate(panel);
            var channel = (nint)(group * (_layer.OutChannels / _operands.Groups) + inGroup) * sizeof(float);
            args->PanelCount = Math.Min(panels.PerGroup - panel % panels.PerGroup, endPanel - panel);
            args->Weights = panels.Weights + panel * panels.WeightBytes;
            args->Biases = panels.Biases + panel * ConvFp32Emitter.PanelBytes(panels.Shape.Vectors);
            args->Input = input + group * (_operands.InputPixel / _operands.Groups);
            args->Output = state.Address(_layer.Output) + channel;
            if (_layer.Residual is { } residual) args->Residual = state.Address(residual) + channel;
            grid.Kernel.Run(args, Streams(state.Batch));
        }
    }

    // Full tiles from the front of the scratch memory, those at the lower edge behind them.
    private void List(Fp32KernelArgs* args, Fp32TileGrid grid, int firstTile, int endTile)
    {
        (args->TileCount, args->RestCount) = (0, 0);
        args->RestTiles = args->Tiles + (endTile - firstTile);
        for (var tile = firstTile; tile < endTile; tile++)
        {
            if (!grid.IsRest(tile))
            {
                args->Tiles[args->TileCount++] = grid.Offsets(tile);
                continue;
            }
            *--args->RestTiles = grid.Offsets(tile);
            args->RestCount++;
        }
    }

    // Threads share out what is larger, so that each reads only its part of it.
    private bool SplitsPanels(RunState state)
    {
        var threads = state.Pool.Threads;
        return threads > 1 && _panels[0].Count >= threads && _weightBytes > Pixels(state) * _operands.InputPixel;
    }

    private Fp32TileGrid Grid(Fp32ConvPanels panels, RunState state)
    {
        var images = _layer.Images(state.Batch);
        return new Fp32TileGrid(_layer, _operands, panels.KernelFor(_operands.Image.Columns * (_operands.IsFlat ? images : 1)), images);
    }

    private long Pixels(RunState state) => (long)_layer.Images(state.Batch) * _operands.Height * _operands.Width;

    private int Parts(RunState state)
    {
        var threads = state.Pool.Threads;
        if (threads == 1) return 1;
        // Panels that follow each other fetch each other's weights.
        if (SplitsPanels(state)) return threads;
        return WorkSplit.Parts(_seconds * state.Batch / PartSeconds, Grid(_panels[0], state).Count, threads);
    }

    // Tiles that all panels pass over before the next tiles: few enough for the cache, unless reading the weights so often costs more than reading the input for each panel.
    private int BlockTiles(Fp32TileGrid grid, int tiles, Fp32ConvPanels panels, int panelCount)
    {
        var window = _layer.Window;
        var tileBytes = (long)grid.Kernel.Tile.Pixels * (_operands.InputPixel * window.StrideHeight * window.StrideWidth + _operands.OutputPixel);
        var inCache = (int)Math.Clamp(BlockBytes / tileBytes, 1, MostTiles);
        var readingWeights = (tiles + inCache - 1L) / inCache * panels.WeightBytes * panelCount;
        var readingInput = tiles * tileBytes * panelCount;
        return readingInput < readingWeights ? MostTiles : inCache;
    }

    // Full panels, then what is left of each group.
    private IEnumerable<Fp32ConvPanels> Panels(EpilogueFp32Spec epilogue, BuildResources resources)
    {
        var channels = _layer.OutChannels / _operands.Groups;
        var image = _operands.IsFlat ? _operands.Image with { Columns = _operands.Image.Columns * _layer.Images(resources.MaxBatch) } : _operands.Image;
        var vectors = Fp32ConvBlocking.Vectors(image, channels, _operands.Reduction.Runs * _operands.Reduction.RunBytes / sizeof(float), epilogue);
        var (full, rest) = Math.DivRem(channels, vectors * PanelShape.Lanes);
        if (full > 0) yield return Build(new PanelShape(vectors, vectors * PanelShape.Lanes, true), full, 0);
        if (rest > 0) yield return Build(new PanelShape(EvenParts.Count(rest, PanelShape.Lanes), rest, true), 1, channels - rest);
        Fp32ConvPanels Build(PanelShape shape, int perGroup, int firstChannel) => new(_layer, _operands, shape, perGroup, firstChannel, epilogue, Streams(resources.MaxBatch), resources);
    }

    private bool Streams(int batch) => _layer.OutChannels / _operands.Groups % PanelShape.Lanes == 0 && _layer.Output.Bytes(batch) > StreamedBytes;
}
