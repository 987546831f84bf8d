using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The panels of one shape: their kernels, packed weights and biases. Numbered group by group.</summary>
internal sealed unsafe class Fp32ConvPanels
{
    // Smaller panels come fast enough.
    private const int FetchedBytes = 64 << 10;

    private readonly ContractionLayer _layer;
    private readonly Fp32ConvOperands _operands;

    // The largest tile first; for flat operands smaller ones follow, for fewer pixels than that.
    private readonly Fp32ConvKernel[] _kernels;

    public Fp32ConvPanels(ContractionLayer layer, Fp32ConvOperands operands, PanelShape shape, int perGroup, int firstChannel, EpilogueFp32Spec epilogue, bool mayStream, BuildResources resources)
    {
        (_layer, _operands, Shape, PerGroup, FirstChannel) = (layer, operands, shape, perGroup, firstChannel);
        Count = perGroup * operands.Groups;
        WeightBytes = (nint)operands.Reduction.Runs * operands.Reduction.RunBytes * shape.Capacity;
        Weights = resources.Allocate(Count * WeightBytes);
        Biases = resources.Allocate((long)Count * ConvFp32Emitter.PanelBytes(shape.Vectors));
        _kernels = [.. Tiles(resources.MaxBatch, epilogue).Select(tile => Kernel(new ConvFp32Spec(shape, tile, operands.Image.Rows % tile.Rows, operands.Reduction, epilogue, FetchingTiles(tile)), mayStream, resources))];
        Parallel.For(0, Count, Pack);
    }

    public PanelShape Shape { get; }

    public int PerGroup { get; }

    public int Count { get; }

    /// <summary>The first channel within each group.</summary>
    public int FirstChannel { get; }

    /// <summary>Packed weights, one panel behind the other.</summary>
    public byte* Weights { get; }
    public nint WeightBytes { get; }

    /// <summary>One panel behind the other.</summary>
    public byte* Biases { get; }

    /// <summary>The group of a panel and its first channel in it.</summary>
    public (int Group, int Channel) Locate(int panel) => (panel / PerGroup, FirstChannel + panel % PerGroup * Shape.Capacity);

    /// <summary>The kernel with the largest tile that is not wider than a row of so many pixels.</summary>
    public Fp32ConvKernel KernelFor(int columns)
    {
        foreach (var kernel in _kernels)
            if (kernel.Tile.Columns <= columns) return kernel;
        throw new InvalidOperationException($"Layer {_layer.Name} was not built for {columns} pixels.");
    }

    private IEnumerable<TilePattern> Tiles(int maxBatch, EpilogueFp32Spec epilogue)
    {
        if (!_operands.IsFlat)
        {
            yield return Fp32ConvBlocking.Tile(_operands.Image, Shape.Vectors, epilogue);
            yield break;
        }
        var row = _operands.Image with { Columns = _operands.Image.Columns * _layer.Images(maxBatch) };
        var tile = Fp32ConvBlocking.Tile(row, Shape.Vectors, epilogue);
        yield return tile;
        var fewest = _operands.Image.Columns * _layer.Images(1);
        for (var pixels = 16; pixels > 0; pixels /= 2)
            if (pixels < tile.Columns && pixels * 2 > fewest) yield return tile with { Columns = pixels };
    }

    // Those of an image, at most 8: code should not differ for more. Panels that meet one tile each are one stream of memory, which the processor fetches by itself: fetching a whole panel ahead
    // of it would push out what comes next (4096 x 4096 at batch 1 takes 2.1 ms then, instead of 1.15).
    private int FetchingTiles(TilePattern tile)
    {
        var tiles = EvenParts.Count(_operands.Image.Rows, tile.Rows) * EvenParts.Count(_operands.Image.Columns, tile.Columns);
        return WeightBytes < FetchedBytes || tiles == 1 ? 0 : Math.Min(8, tiles);
    }

    private static Fp32ConvKernel Kernel(ConvFp32Spec spec, bool mayStream, BuildResources resources)
    {
        nint Code(ConvFp32Spec spec) => resources.Kernel(spec.Name, spec, () => new ConvFp32Emitter(spec).Emit());
        return new Fp32ConvKernel(spec.Tile, spec.RestRows, Code(spec), Code(spec with { Epilogue = spec.Epilogue with { Streams = mayStream } }));
    }

    private void Pack(int panel)
    {
        var (group, first) = Locate(panel);
        var weights = ((Tensor<float>)_layer.Weight!.Constant!).Data;
        var bias = (_layer.Bias?.Constant as Tensor<float>)?.Data;
        float* packed = (float*)(Weights + panel * WeightBytes), biases = (float*)Biases + panel * Shape.Capacity;
        var (groupIn, groupOut, groupChannels) = (_operands.GroupIn, _operands.GroupOut, _layer.OutChannels / _operands.Groups);
        // Weights lie [K, C / groups, taps]; those of a matrix product [N, K] or [K, N].
        var taps = _layer.Window.Taps;
        var isColumns = _layer.IsGemm && !_layer.TransposedWeights;
        nint outStride = isColumns ? 1 : (nint)groupIn * taps, inStride = isColumns ? _layer.OutChannels : taps;
        for (var lane = 0; lane < Shape.Channels; lane++)
        {
            var channel = first + lane;
            var k = group * groupChannels + channel;
            if (bias is not null) biases[lane] = bias[k];
            // Channels of a joined group meet only those of their own group: the others' weights stay 0.
            var (joined, inputs) = (channel / groupOut, _layer.Channels / _operands.Groups);
            for (var tap = 0; tap < taps; tap++)
                for (var c = 0; c < groupIn; c++)
                    packed[((nint)tap * inputs + joined * groupIn + c) * Shape.Capacity + lane] = weights[k * outStride + c * inStride + tap];
        }
    }
}
