using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A convolution or matrix product by emitted kernels of one family and one blocking; or the phases of an input gradient, which are convolutions of the same images that write different pixels of one output.</summary>
internal sealed unsafe class EmittedConvLayer : RunnableLayer, IParallelBody
{
    // Less is not worth handing to another thread.
    private const double PartSeconds = 4e-6;

    // Images are copied some at a time, to be read from the second-level cache.
    private const long CopiedBytes = 384 << 10;

    // Blocks are listed for all images at once when these are not more.
    private const int LongestList = 2048;

    private readonly ContractionLayer _layer;
    private readonly ConvKernelFamily _family;
    private readonly Func<int, int, ConvBlocking> _blocking;
    private readonly ConvOperands _operands;
    private readonly ConvParameters _parameters;
    private readonly ConvArithmetic _arithmetic;
    private readonly double _seconds;
    private readonly ConvPanels[] _panels;
    private readonly long _clippedBytes;
    private readonly int _copiedImages;
    private readonly PackComputed? _pack;
    private readonly nint _enterTiles;
    private readonly nint _leaveTiles;

    /// <param name="layer">The layer, or the phase that takes longest.</param>
    /// <param name="resources">Memory and code.</param>
    /// <param name="family">The kernels.</param>
    /// <param name="blocking">How the work is cut up for this many images and threads; vectors are always the same.</param>
    /// <param name="phases">Operands and numbers of the layer, or of each phase of an input gradient in the order in which they run. They read the same copies of images, those of the first.</param>
    /// <param name="seconds">A rough time of one image, from which threads get parts that are worth it.</param>
    public EmittedConvLayer(ContractionLayer layer, BuildResources resources, ConvKernelFamily family, Func<int, int, ConvBlocking> blocking, (ConvOperands Operands, ConvParameters Parameters)[] phases, double seconds)
    {
        (_layer, _family, _blocking, _seconds) = (layer, family, blocking, seconds);
        (_operands, _parameters) = phases[0];
        _arithmetic = _parameters.Arithmetic;
        SharedScratchBytes = _operands.NeedsCopy ? _parameters.Images.Bytes(resources.MaxBatch) : 0;
        var panels = new List<ConvPanels>();
        foreach (var phase in phases)
            foreach (var (shape, count, firstChannel) in Shapes())
            {
                SharedScratchBytes = (SharedScratchBytes + AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment;
                panels.Add(Build(phase, shape, count, firstChannel, SharedScratchBytes, resources));
                if (!layer.HasConstantOperands) SharedScratchBytes += panels[^1].PackedBytes;
            }
        _panels = [.. panels];
        if (!layer.HasConstantOperands) _pack = new PackComputed(this);
        // In training there are as many images as threads; a layer for one image shares out its blocks.
        if (_pack is not null && _operands is { NeedsCopy: true, IsFlat: false, Groups: 1 }) _copiedImages = (int)Math.Clamp(CopiedBytes / _operands.ImageBytes, 1, layer.Images(resources.MaxBatch));
        if (family.TileState(enters: true) is { } enter) _enterTiles = resources.Kernel("entertiles_amx", (nameof(TileStateEmitter), true), enter.Emit);
        if (family.TileState(enters: false) is { } leave) _leaveTiles = resources.Kernel("leavetiles_amx", (nameof(TileStateEmitter), false), leave.Emit);
        if (_operands.IsFlat && _arithmetic.HasDenormals) _clippedBytes = _panels.Max(panels => (long)panels.Blocks[^1].Grid.PerImage) * sizeof(BlockOffsets);
    }

    public override long ScratchBytes => CopyOffset + _copiedImages * _operands.ImageBytes;

    public override long SharedScratchBytes { get; }

    public override void Run(RunState state)
    {
        if (_operands.NeedsCopy && !CopiesParts(state)) _parameters.Images.Run(state);
        if (_pack is not null) state.RunParallel(_pack, _pack.Panels);
        state.RunParallel(this, Parts(state));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var (parts, blocking) = (Parts(state), Blocking(state));
        var args = new ConvKernelArgs { Shared = _parameters.Shared, Scratch = state.Scratch(worker) };
        if (CopiesParts(state))
        {
            var (first, end) = WorkSplit.Share(_layer.Images(state.Batch), part, parts);
            for (var image = (int)first; image < end; image += _copiedImages)
            {
                var count = Math.Min(_copiedImages, (int)end - image);
                byte* copies = args.Scratch + CopyOffset - image * _operands.ImageBytes;
                _parameters.Images.Run(state, image, count, copies);
                foreach (var panels in _panels) RunBlocks(state, &args, panels, copies, (0, panels.Count), (image * (long)panels.Blocks[0].Grid.PerImage, (image + count) * (long)panels.Blocks[0].Grid.PerImage));
            }
            return;
        }
        var input = _operands.NeedsCopy ? state.SharedScratch : state.Address(_layer.Input);
        foreach (var panels in _panels)
        {
            var all = BlockCount(BlocksFor(panels, state), state);
            RunBlocks(state, &args, panels, input, blocking.SplitsChannels ? WorkSplit.Share(panels.Count, part, parts) : (0, panels.Count), blocking.SplitsChannels ? (0, all) : WorkSplit.Share(all, part, parts));
        }
    }

    // Some panels on some blocks of all images.
    private void RunBlocks(RunState state, ConvKernelArgs* args, ConvPanels panels, byte* input, (long First, long End) panelRange, (long First, long End) blockRange)
    {
        var blocks = BlocksFor(panels, state);
        var pass = Blocking(state).BlocksOutside ? BlocksInCache(blocks) : blockRange.End - blockRange.First;
        if (blocks.TileConfig != null) ((delegate* unmanaged<byte*, void>)_enterTiles)(blocks.TileConfig);
        for (var block = blockRange.First; block < blockRange.End; block += pass) RunPass(state, args, panels, blocks, input + panels.Operands.Origin, (int)panelRange.First, (int)panelRange.End, block, Math.Min(block + pass, blockRange.End));
        if (blocks.TileConfig != null) ((delegate* unmanaged<byte*, void>)_leaveTiles)(null);
    }

    // Whether parts copy the images that they read themselves.
    private bool CopiesParts(RunState state) => _copiedImages > 0 && !Blocking(state).SplitsChannels;

    // Of the copies in a worker's scratch memory.
    private long CopyOffset => (_family.ScratchBytes + _clippedBytes + (_pack is null ? 0 : _panels.Max(panels => panels.Shape.Capacity * RowBytes(panels.Operands))) + AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment;

    private ConvBlocking Blocking(RunState state) => _blocking(_layer.Images(state.Batch), state.Pool.Threads);

    private long Pixels(RunState state) => (long)_layer.Images(state.Batch) * _operands.Image.Columns;

    private long BlockCount(ConvBlocks blocks, RunState state) => _operands.IsFlat ? EvenParts.Count(Pixels(state), blocks.Block.Columns) : (long)_layer.Images(state.Batch) * blocks.Grid.PerImage;

    // Some panels on blocks that are counted over all images: one call for each group and, unless the list of blocks goes on over the images, for each image.
    private void RunPass(RunState state, ConvKernelArgs* args, ConvPanels panels, ConvBlocks blocks, byte* input, int firstPanel, int endPanel, long firstBlock, long endBlock)
    {
        var kernel = _layer.Output.Bytes(state.Batch) > CacheLines.StreamedBytes ? blocks.StreamingKernel : blocks.Kernel;
        var (weights, constants) = Packed(panels, state);
        for (var block = firstBlock; block < endBlock;)
        {
            var image = blocks.SpansImages ? 0 : block / blocks.Grid.PerImage;
            var count = blocks.SpansImages ? endBlock - block : Math.Min((image + 1) * blocks.Grid.PerImage, endBlock) - block;
            args->Blocks = blocks.Offsets + (block - image * blocks.Grid.PerImage);
            args->BlockCount = (nint)count;
            if (_clippedBytes > 0 && endBlock == BlockCount(blocks, state)) Clip(state, args, blocks);
            for (var panel = firstPanel; panel < endPanel;)
            {
                var (group, inGroup) = Math.DivRem(panel, panels.PerGroup);
                var channel = group * _operands.GroupChannels + panels.FirstChannel + inGroup * panels.Shape.Capacity;
                args->PanelCount = Math.Min(panels.PerGroup - inGroup, endPanel - panel);
                args->Weights = (byte*)(weights + panel * panels.WeightBytes);
                // After the last panel come the next blocks, if any do.
                args->NextWeights = (byte*)(weights + (panel + args->PanelCount < endPanel ? panel + args->PanelCount : firstPanel) * panels.WeightBytes);
                args->Panel = (byte*)(constants + panel * panels.ConstantBytes);
                args->Input = input + (nint)image * _operands.ImageBytes + group * _operands.GroupBytes + (_operands.IsDepthwise ? channel : 0);
                args->Output = state.Address(_layer.Output) + panels.Operands.OutputOrigin + (nint)image * _operands.OutputImage + channel * _arithmetic.OutputBytes;
                if (_layer.Residual is { } residual)
                    args->Residual = state.Address(residual) + panels.Operands.ResidualOrigin + (nint)image * _operands.ResidualImage + channel * _arithmetic.ResidualBytes;
                ((delegate* unmanaged<ConvKernelArgs*, void>)kernel)(args);
                panel += (int)args->PanelCount;
            }
            block += count;
        }
    }

    // Has the last block end with the last image: what follows may be anything, also numbers that are slow to multiply.
    private void Clip(RunState state, ConvKernelArgs* args, ConvBlocks blocks)
    {
        var clipped = (BlockOffsets*)(args->Scratch + _family.ScratchBytes);
        var bytes = args->BlockCount * sizeof(BlockOffsets);
        Buffer.MemoryCopy(args->Blocks, clipped, bytes, bytes);
        clipped[args->BlockCount - 1] = blocks.Grid.At(0, 0, (nint)Pixels(state) - blocks.Block.Columns);
        args->Blocks = clipped;
    }

    private ConvBlocks BlocksFor(ConvPanels panels, RunState state)
    {
        var at = 0;
        if (!_operands.IsFlat) return panels.Blocks[at];
        while (panels.Blocks[at].Images < _layer.Images(state.Batch)) at++;
        while (_arithmetic.HasDenormals && panels.Blocks[at].Block.Columns > Pixels(state)) at--;
        return panels.Blocks[at];
    }

    private int Parts(RunState state)
    {
        var threads = state.Pool.Threads;
        if (CopiesParts(state)) return WorkSplit.Parts(_seconds * state.Batch / PartSeconds, _layer.Images(state.Batch), threads);
        var blocks = BlockCount(BlocksFor(_panels[0], state), state);
        var most = Blocking(state).SplitsChannels ? _panels[0].Count : Math.Max(blocks / _family.LeastBlocks, Math.Min(blocks, threads));
        return WorkSplit.Parts(_seconds * state.Batch / PartSeconds, most, threads);
    }

    private long BlocksInCache(ConvBlocks blocks) => Math.Max(1, _family.CloseBytes / ((long)blocks.Block.Pixels * (_operands.PixelBytes + _operands.GroupChannels * _operands.Groups * _arithmetic.OutputBytes)));

    // Full panels, then what is left of each group.
    private IEnumerable<(PanelShape Shape, int Count, int FirstChannel)> Shapes()
    {
        var (isNatural, vectors) = (_arithmetic.IsNatural, _blocking(1, 1).Vectors);
        var full = _operands.GroupChannels / (vectors * PanelShape.Lanes);
        var covered = full * vectors * PanelShape.Lanes;
        var rest = _operands.GroupChannels - covered;
        var restVectors = _family.HasFullPanels ? vectors : EvenParts.Count(rest, PanelShape.Lanes);
        if (full > 0) yield return (new PanelShape(vectors, vectors * PanelShape.Lanes, isNatural) { Shared = _family.Shared }, full, 0);
        if (rest > 0) yield return (new PanelShape(restVectors, rest, isNatural) { Shared = _family.Shared }, 1, covered);
    }

    private ConvPanels Build((ConvOperands Operands, ConvParameters Parameters) phase, PanelShape shape, int perGroup, int firstChannel, long scratchOffset, BuildResources resources)
    {
        var panels = new ConvPanels
        {
            Operands = phase.Operands,
            Parameters = phase.Parameters,
            Shape = shape,
            PerGroup = perGroup,
            Count = perGroup * _operands.Groups,
            FirstChannel = firstChannel,
            Channels = [.. Enumerable.Range(0, perGroup * _operands.Groups).Select(panel => (Func<int, int>)(channel => channel < shape.Channels ? ChannelOf(panel / perGroup, firstChannel + panel % perGroup * shape.Capacity + channel) : -1))],
            ScratchOffset = scratchOffset,
            WeightBytes = _family.WeightBytes(shape, phase.Operands.Reduction),
            ConstantBytes = _arithmetic.PanelBytes(shape.Vectors),
            Blocks = [.. ImageCounts(resources.MaxBatch).Select(images => BuildBlocks(phase.Operands, shape, images, resources))],
        };
        if (!_layer.HasConstantOperands) return panels;
        panels.Packed = resources.Allocate(panels.PackedBytes);
        Parallel.For(0, panels.Count, panel =>
        {
            using var rows = new AlignedMemory(shape.Capacity * RowBytes(panels.Operands));
            Pack(null, panels, panel, rows.Start);
        });
        return panels;
    }

    // One line more than needed: rows whose distance is a power of two would share few lines of the cache.
    private static nint RowBytes(ConvOperands operands) => (((nint)operands.Reduction.Runs * operands.Reduction.RunBytes + 63) & -64) + 64;

    private static (nint Weights, nint Constants) Packed(ConvPanels panels, RunState? state)
    {
        var packed = (nint)(panels.Packed != null ? panels.Packed : state!.SharedScratch + panels.ScratchOffset);
        return (packed, packed + panels.Count * panels.WeightBytes);
    }

    // Weights and constants of a panel, by way of memory for the rows of its channels.
    private void Pack(RunState? state, ConvPanels panels, int panel, byte* rows)
    {
        var (shape, channelOf, (weights, constants)) = (panels.Shape, panels.Channels[panel], Packed(panels, state));
        var packed = (byte*)(weights + panel * panels.WeightBytes);
        var (parameters, rowBytes) = (panels.Parameters, RowBytes(panels.Operands));
        if (!parameters.TryPack(state, shape, channelOf(0), packed))
        {
            new Span<byte>(rows, (int)(shape.Capacity * rowBytes)).Clear();
            for (var channel = 0; channel < shape.Capacity; channel++)
                if (channelOf(channel) is var k and >= 0) parameters.CopyWeights(state, k, panels.FirstChannel + panel % panels.PerGroup * shape.Capacity + channel, rows + channel * rowBytes);
            _family.Pack(shape, panels.Operands.Reduction, rows, rowBytes, packed);
        }
        parameters.FillPanel(state, shape, channelOf, (byte*)(constants + panel * panels.ConstantBytes));
    }

    private sealed class PackComputed(EmittedConvLayer layer) : IParallelBody
    {
        public int Panels { get; } = layer._panels.Sum(panels => panels.Count);

        public void RunPart(RunState state, int part, int worker)
        {
            var at = 0;
            for (; part >= layer._panels[at].Count; at++) part -= layer._panels[at].Count;
            var panels = layer._panels[at];
            var rows = state.Scratch(worker) + layer._family.ScratchBytes + layer._clippedBytes;
            var (weights, constants) = Packed(panels, state);
            new Span<byte>((void*)(weights + part * panels.WeightBytes), (int)panels.WeightBytes).Clear();
            new Span<byte>((void*)(constants + part * panels.ConstantBytes), (int)panels.ConstantBytes).Clear();
            layer.Pack(state, panels, part, rows);
        }
    }

    // The layer's output channel, or -1 for padding.
    private int ChannelOf(int group, int channel)
    {
        var k = group * _operands.GroupChannels + channel;
        if (_operands.JoinedPixels > 1) k %= _layer.OutChannels;
        return channel < _operands.GroupChannels && k < _layer.OutChannels ? k : -1;
    }

    // Runs have as many images or fewer, but never fewer than one of the batch.
    private IEnumerable<int> ImageCounts(int maxBatch)
    {
        var most = _operands.IsFlat ? _layer.Images(maxBatch) : 1;
        for (var images = _layer.Images(1); images < most; images *= 2) yield return images;
        yield return most;
    }

    private ConvBlocks BuildBlocks(ConvOperands operands, PanelShape shape, int images, BuildResources resources)
    {
        var image = operands.Image with { Columns = operands.Image.Columns * images };
        var block = _family.Block(image, shape.Vectors, _arithmetic.Temporaries);
        // Blocks of one row are the same code whatever the row's length.
        if (block.Rows == 1) block = block with { InputRow = 0, OutputRow = 0, ResidualRow = 0 };
        var grid = new BlockGrid(operands, image, block);
        var listed = !operands.IsFlat && (long)grid.PerImage * resources.MaxBatch <= LongestList ? _layer.Images(resources.MaxBatch) : 1;
        var offsets = (BlockOffsets*)resources.Allocate((long)listed * grid.PerImage * sizeof(BlockOffsets));
        for (var i = 0; i < listed * grid.PerImage; i++) offsets[i] = grid[i];
        var threads = resources.Device.Threads;
        // How many blocks a thread computes with a panel.
        var met = operands.IsFlat || _blocking(images, threads).SplitsChannels ? grid.PerImage : EvenParts.Count(grid.PerImage, threads);
        var spec = new ConvKernelSpec(shape, block, operands.Reduction, _arithmetic) { FetchSteps = _family.FetchSteps(shape, operands.Reduction, met), FetchAhead = _family.FetchAhead(_family.WeightBytes(shape, operands.Reduction)) };
        nint Kernel(ConvKernelSpec spec) => resources.Kernel(_family.KernelName(spec), (_family.Name, spec), () => _family.Emitter(spec).EmitAndRecycle());
        var kernel = Kernel(spec);
        return new ConvBlocks
        {
            Images = images,
            SpansImages = operands.IsFlat || listed > 1,
            Kernel = kernel,
            StreamingKernel = _parameters.Streaming is { } streaming && _layer.Output.Bytes(resources.MaxBatch) > CacheLines.StreamedBytes ? Kernel(spec with { Arithmetic = streaming }) : kernel,
            TileConfig = _family.TileConfig(spec) is { Length: > 0 } config ? resources.Copy<byte>(config) : null,
            Offsets = offsets,
            Block = block,
            Grid = grid,
        };
    }
}
