using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A built <see cref="Fp32EmittedDepthwise"/>.</summary>
internal sealed unsafe class Fp32EmittedDepthwiseLayer : RunnableLayer, IParallelBody
{
    // Less is not worth handing to another thread.
    private const double PartSeconds = 5e-6;

    // Blocks of one call.
    private const int MostBlocks = 64;

    private const int MostRows = 3;

    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly double _seconds;
    private readonly byte* _constants;
    private readonly byte* _weights;
    private readonly byte* _biases;
    private readonly PaddedImages? _copies;
    private readonly BlockGrid _grid;

    // Channels that fill vectors, then the rest.
    private readonly nint _full, _rest;

    public Fp32EmittedDepthwiseLayer(ContractionLayer layer, BuildResources resources, double seconds)
    {
        (_layer, _seconds) = (layer, seconds);
        _operands = ConvOperands.OfFp32(layer);
        var epilogue = Fp32Epilogue.Spec(layer);
        _constants = Fp32Epilogue.Constants(layer, resources);
        var vectors = EvenParts.Count(layer.Channels, PanelShape.Lanes);
        _weights = resources.Allocate((long)vectors * layer.Window.Taps * VectorBytes);
        _biases = resources.Allocate((long)vectors * VectorBytes);
        Pack((float*)_weights, (float*)_biases);
        var block = Block(epilogue);
        _grid = new BlockGrid(_operands, _operands.Image, block);
        if (FullVectors > 0) _full = Kernel(PanelShape.Lanes);
        if (RestChannels > 0) _rest = Kernel(RestChannels);
        if (_operands.NeedsCopy)
        {
            _copies = new PaddedImages(layer, _operands);
            SharedScratchBytes = _copies.Bytes(resources.MaxBatch);
        }

        nint Kernel(int channels)
        {
            var spec = new DepthwiseFp32Spec(channels, block, layer.Window, (int)_operands.RowBytes, _operands.PixelBytes, epilogue);
            return resources.Kernel($"depthwise_f32f32f32_{block.Pixels}x{channels}c1_avx512", spec, () => new DepthwiseFp32Emitter(spec).Emit());
        }
    }

    public override long ScratchBytes => MostBlocks * sizeof(BlockOffsets);

    public override long SharedScratchBytes { get; }

    private static int VectorBytes => PanelShape.Lanes * sizeof(float);

    private int FullVectors => _layer.Channels / PanelShape.Lanes;

    private int RestChannels => _layer.Channels % PanelShape.Lanes;

    public override void Run(RunState state)
    {
        _copies?.Run(state);
        state.RunParallel(this, Parts(state));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var (first, end) = WorkSplit.Share(Blocks(state), part, Parts(state));
        var args = new ConvKernelArgs { Shared = _constants, Blocks = (BlockOffsets*)state.Scratch(worker) };
        for (var block = first; block < end; block += args.BlockCount)
        {
            args.BlockCount = (nint)Math.Min(MostBlocks, end - block);
            for (var i = 0; i < args.BlockCount; i++) args.Blocks[i] = _grid[block + i];
            Run(state, &args, _full, 0, FullVectors);
            Run(state, &args, _rest, FullVectors, 1);
        }
    }

    private void Run(RunState state, ConvKernelArgs* args, nint kernel, int firstVector, int vectors)
    {
        if (kernel == 0) return;
        var channel = (nint)firstVector * VectorBytes;
        args->PanelCount = vectors;
        args->Input = (_copies is null ? state.Address(_layer.Input) : state.SharedScratch) + _operands.Origin + channel;
        args->Output = state.Address(_layer.Output) + channel;
        args->Residual = _layer.Residual is { } residual ? state.Address(residual) + channel : null;
        args->Weights = _weights + channel * _layer.Window.Taps;
        args->Panel = _biases + channel;
        ((delegate* unmanaged<ConvKernelArgs*, void>)kernel)(args);
    }

    private long Blocks(RunState state) => (long)_layer.Images(state.Batch) * _grid.PerImage;

    private int Parts(RunState state) => WorkSplit.Parts(_seconds * state.Batch / PartSeconds, Blocks(state), state.Pool.Threads);

    // The block that loads and multiplies least.
    private PixelBlock Block(EpilogueFp32Spec epilogue)
    {
        var (image, window) = (_operands.Image, _layer.Window);
        var blocks =
            from rows in Enumerable.Range(1, Math.Min(MostRows, image.Rows))
            let most = DepthwiseFp32Emitter.LargestBlock(rows, window, epilogue)
            where most > 0
            let across = EvenParts.Count(image.Columns, most)
            let columns = EvenParts.Count(image.Columns, across)
            let inputs = ((rows - 1) * window.StrideHeight + window.KernelHeight) * ((columns - 1) * window.StrideWidth + window.KernelWidth)
            let cost = EvenParts.Count(image.Rows, rows) * across * (rows * columns * window.Taps / 2.0 + inputs)
            orderby cost
            select image with { Rows = rows, Columns = columns };
        return blocks.First();
    }

    private void Pack(float* weights, float* biases)
    {
        var (taps, data) = (_layer.Window.Taps, ((Tensor<float>)_layer.Weight!.Constant!).Data);
        var bias = (_layer.Bias?.Constant as Tensor<float>)?.Data;
        for (var c = 0; c < _layer.Channels; c++)
        {
            var (vector, lane) = Math.DivRem(c, PanelShape.Lanes);
            for (var tap = 0; tap < taps; tap++) weights[(vector * taps + tap) * PanelShape.Lanes + lane] = data[c * taps + tap];
            if (bias is not null) biases[c] = bias[c];
        }
    }
}
