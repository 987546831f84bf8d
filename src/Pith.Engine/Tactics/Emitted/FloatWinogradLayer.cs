using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// A built <see cref="FloatWinograd"/>. For a block of tiles: the inputs' transform to scratch memory, a matrix product of tiles by channels for each position, with all weights, and the outputs'
/// transform. Tiles at the lower and right edge overlap others; each pixel is written by one tile only, because two would not give it the same bits.
/// </summary>
internal sealed unsafe class FloatWinogradLayer : RunnableLayer, IParallelBody
{
    // With fewer, a part would wait for weights, which come from memory or the last-level cache.
    private const int LeastTiles = 16;

    private readonly ContractionLayer _layer;
    private readonly FloatWinogradProducts _products;
    private readonly FloatWinogradTiles _tiles;
    private readonly byte* _constants;

    // Null where they are computed.
    private readonly byte* _weights;
    private readonly byte* _biases;
    private readonly ParallelBody? _pack;

    // For each way in which tiles lie at the edges of images.
    private readonly nint[] _inputCode;

    // For each way in which tiles overlap others: code for full vectors, and for the channels of the last one.
    private readonly (nint Full, nint Partial)[] _outputCode;

    /// <param name="layer">The layer.</param>
    /// <param name="points">The transforms.</param>
    /// <param name="products">What transformed images and weights are rounded to.</param>
    /// <param name="resources">What the layer is built with.</param>
    public FloatWinogradLayer(ContractionLayer layer, WinogradPoints points, FloatProducts products, BuildResources resources)
    {
        _layer = layer;
        var operands = ConvOperands.OfFp32(layer);
        _tiles = new FloatWinogradTiles(layer, operands, points.Outputs);
        _products = new FloatWinogradProducts(layer, points, products, _tiles.Count(resources.MaxBatch), resources);
        _constants = Fp32Epilogue.Constants(layer, resources, points.Coefficients);
        if (layer.Weight!.Constant is Tensor<float> weights)
        {
            var packed = _weights = resources.Allocate(_products.WeightBytes);
            Parallel.For(0, _products.PackParts, part =>
            {
                fixed (float* data = weights.Data) _products.Pack(data, packed, part);
            });
        }
        else
        {
            _pack = new ParallelBody(PackComputed);
        }
        if (layer.Bias is null or { Constant: not null })
        {
            _biases = resources.Allocate(layer.OutChannels * sizeof(float));
            (layer.Bias?.Constant as Tensor<float>)?.Data.CopyTo(new Span<float>(_biases, layer.OutChannels));
        }

        _inputCode = [.. _tiles.Edges.Select(InputCode)];
        var epilogue = Fp32Epilogue.Spec(layer);
        var tile = operands.Image with { Rows = points.Outputs, Columns = points.Outputs };
        _outputCode = [.. _tiles.Overlaps.Select(overlap => (Code(PanelShape.Lanes, overlap), RestChannels > 0 ? Code(RestChannels, overlap) : 0))];

        nint InputCode(TileEdges edges)
        {
            var spec = new WinogradFp32TileSpec(points, _products.InputVectors, (int)layer.Input.RowBytes, layer.Input.PixelBytes, _products.InputPositionBytes, products.Bytes == sizeof(float) ? WinogradOperand.Float32 : WinogradOperand.Bfloat16, edges);
            return resources.Kernel(products.KernelName($"winograd{points.Outputs}input"), spec, () => new WinogradFp32InputEmitter(spec).Emit());
        }

        nint Code(int channels, (int Rows, int Columns) overlap)
        {
            var spec = new WinogradFp32OutputSpec(points, channels, _products.SumPositionBytes, tile, overlap.Rows, overlap.Columns, epilogue);
            return resources.Kernel($"winograd{points.Outputs}output_f32_avx512", spec, () => new WinogradFp32OutputEmitter(spec).Emit());
        }
    }

    public override long ScratchBytes => OffsetBytes + _products.InputBytes + _products.SumBytes;

    public override long SharedScratchBytes => _pack is null ? 0 : _products.WeightBytes;

    private int RestChannels => _layer.OutChannels % PanelShape.Lanes;

    // Offsets of the tiles of a block that the same code takes.
    private long OffsetBytes => EvenParts.Count((long)_products.MostTiles * sizeof(BlockOffsets), AlignedMemory.Alignment) * AlignedMemory.Alignment;

    public override void Run(RunState state)
    {
        if (_pack is not null) state.RunParallel(_pack, _products.PackParts);
        state.RunParallel(this, TileParts(state) * PanelParts(state));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var (tiles, panelParts) = (_tiles.Count(state.Batch), PanelParts(state));
        var (tilePart, panelPart) = Math.DivRem(part, panelParts);
        var (firstPanel, endPanel) = WorkSplit.Share(_products.Panels, panelPart, panelParts);
        var (first, end) = WorkSplit.Share(tiles, tilePart, TileParts(state));
        var block = EvenParts.Length((int)(end - first), _products.MostTiles);
        for (var tile = (int)first; tile < end; tile += block) RunBlock(state, state.Scratch(worker), tile, (int)Math.Min(tile + block, end), (int)firstPanel, (int)endPanel);
    }

    private void RunBlock(RunState state, byte* scratch, int first, int end, int firstPanel, int endPanel)
    {
        var offsets = (BlockOffsets*)scratch;
        byte* inputs = scratch + OffsetBytes, sums = inputs + _products.InputBytes;
        var args = new ConvKernelArgs { Shared = _constants, Blocks = offsets, Input = state.Address(_layer.Input), Output = inputs };
        for (var edges = 0; edges < _inputCode.Length; edges++)
        {
            args.BlockCount = 0;
            for (var tile = first; tile < end; tile++)
                if (_tiles.EdgesOf(tile) == edges) offsets[args.BlockCount++] = new BlockOffsets { Input = _tiles.Input(tile), Output = (tile - first) * _products.InputTileBytes };
            if (args.BlockCount > 0) Run(_inputCode[edges], &args);
        }
        _products.Run(Weights(state), inputs, sums, end - first, firstPanel, endPanel);
        args.Input = sums;
        args.Output = state.Address(_layer.Output);
        args.Residual = _layer.Residual is { } residual ? state.Address(residual) : null;
        args.Panel = _biases != null ? _biases : state.Address(_layer.Bias!);
        for (var overlap = 0; overlap < _outputCode.Length; overlap++)
        {
            args.BlockCount = 0;
            for (var tile = first; tile < end; tile++)
                if (_tiles.OverlapOf(tile) == overlap) offsets[args.BlockCount++] = _tiles.Output(tile) with { Input = (tile - first) * _products.SumTileBytes };
            if (args.BlockCount > 0) RunOutputs(args, _outputCode[overlap], firstPanel * _products.PanelVectors, endPanel * _products.PanelVectors);
        }
    }

    private void RunOutputs(ConvKernelArgs args, (nint Full, nint Partial) code, int firstVector, int endVector)
    {
        var full = Math.Min(endVector, _layer.OutChannels / PanelShape.Lanes);
        if (full > firstVector) RunVectors(args, code.Full, firstVector, full - firstVector);
        if (code.Partial != 0 && endVector > full) RunVectors(args, code.Partial, full, 1);
    }

    private static void RunVectors(ConvKernelArgs args, nint code, int firstVector, int count)
    {
        var offset = (nint)firstVector * PanelShape.Lanes * sizeof(float);
        args.Input += offset;
        args.Output += offset;
        args.Residual += offset;
        args.Panel += offset;
        args.PanelCount = count;
        Run(code, &args);
    }

    private byte* Weights(RunState state) => _weights != null ? _weights : state.SharedScratch;

    private static void Run(nint code, ConvKernelArgs* args) => ((delegate* unmanaged<ConvKernelArgs*, void>)code)(args);

    // Threads share out tiles, and weights only where there would be too few tiles for each.
    private int PanelParts(RunState state)
    {
        var (tiles, threads) = (_tiles.Count(state.Batch), state.Pool.Threads);
        var parts = 1;
        while (parts < threads && (threads % parts != 0 || tiles * parts < LeastTiles * threads)) parts++;
        return Math.Min(parts, _products.Panels);
    }

    // Each part reads weights: a block is not cut, unless threads would have nothing to do.
    private int TileParts(RunState state)
    {
        var (tiles, threads) = (_tiles.Count(state.Batch), state.Pool.Threads / PanelParts(state));
        var wanted = threads == 1 ? 1 : Math.Clamp(tiles / _products.MostTiles, threads, 4 * threads) / threads * threads;
        return Math.Min(tiles, wanted);
    }

    private void PackComputed(RunState state, int part, int worker) => _products.Pack((float*)state.Address(_layer.Weight!), Weights(state), part);
}
