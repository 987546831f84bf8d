using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// The products of <see cref="FloatWinogradLayer"/>: at each position a matrix product of tiles by channels, by the kernel of plain convolutions. Transformed inputs are [positions][tiles][channels],
/// weights [positions][panels][channels][vectors][16], or with pairs of channels [positions][panels][channels / 2][vectors][16][2], sums [positions][tiles][channels].
/// </summary>
internal sealed unsafe class FloatWinogradProducts
{
    private const int VectorBytes = PanelShape.Lanes * sizeof(float);

    // What a block of tiles has in scratch memory should be about as large as the second-level cache; but weights, which each block reads, should not cost more than the products.
    private const int BlockBytes = 1200 << 10, FewestTiles = 32, MostTilesOfBlock = 64;

    // Small panels and groups, which divide more numbers, are as fast as large ones: their weights are fetched in time.
    private const int GroupTiles = 8, FewestPanelVectors = 2, MostPanelVectors = 3;

    // Distances between positions are not powers of two: a tile's would share a few lines of the cache.
    private const int PositionGap = 64;

    // Channels of a part of packing.
    private const int PackedChannels = 32;

    private readonly WinogradPoints _points;
    private readonly FloatProducts _products;
    private readonly WeightPlaces _places;
    private readonly int _channels, _outChannels, _positions;
    private readonly byte* _zeros;
    private readonly nint _panelBytes;

    // Where the groups of a block start that a kernel computes at once.
    private readonly BlockOffsets* _groups;
    private readonly int _group;

    // By the size of the last group.
    private readonly nint[] _code;

    /// <param name="layer">The layer.</param>
    /// <param name="points">The transforms.</param>
    /// <param name="products">What transformed images and weights are rounded to.</param>
    /// <param name="tiles">Tiles of the largest run.</param>
    /// <param name="resources">What the layer is built with.</param>
    public FloatWinogradProducts(ContractionLayer layer, WinogradPoints points, FloatProducts products, int tiles, BuildResources resources)
    {
        (_points, _products, _places, _channels, _outChannels, _positions) = (points, products, layer.WeightPlaces, layer.Channels, layer.OutChannels, points.Positions);
        InputVectors = EvenParts.Count(_channels, PanelShape.Lanes);
        var (family, none) = (products.Family, products.Arithmetic);
        var outVectors = EvenParts.Count(layer.OutChannels, PanelShape.Lanes);
        MostTiles = EvenParts.Length(tiles, Math.Clamp(BlockBytes / (_positions * (InputVectors * products.VectorBytes + outVectors * VectorBytes)), FewestTiles, MostTilesOfBlock));
        // The one that leaves fewer vectors empty.
        PanelVectors = Enumerable.Range(FewestPanelVectors, MostPanelVectors - FewestPanelVectors + 1).MinBy(vectors => EvenParts.Count(outVectors, vectors) * vectors);
        Panels = EvenParts.Count(outVectors, PanelVectors);
        _group = EvenParts.Length(MostTiles, GroupTiles);

        _panelBytes = (nint)_channels / products.Step * PanelVectors * VectorBytes;
        _zeros = resources.Allocate(Panels * none.PanelBytes(PanelVectors));
        var groups = Enumerable.Range(0, EvenParts.Count(MostTiles, _group)).Select(group => new BlockOffsets { Input = (nint)group * _group * InputTileBytes, Output = (nint)group * _group * SumTileBytes });
        _groups = resources.Copy<BlockOffsets>([.. groups]);
        var pattern = new PixelBlock(_group, 1) { InputRow = InputTileBytes, OutputRow = SumTileBytes };
        var panelShape = new PanelShape(PanelVectors, PanelVectors * PanelShape.Lanes, true);
        var reduction = new ReductionShape(1, 0, 1, 0, _channels * products.Bytes);
        // Panels of all positions are many times the caches, however small one is.
        var fetchSteps = Fp32Kernels.FetchSteps(panelShape, EvenParts.Count(MostTiles, _group));
        _code = [.. Enumerable.Range(0, _group).Select(rest => new ConvKernelSpec(panelShape, pattern, reduction, none) { RestRows = rest, FetchSteps = fetchSteps })
            .Select(spec => resources.Kernel(family.KernelName(spec), (family.Name, spec), () => family.Emitter(spec).Emit()))];
    }

    /// <summary>The most tiles of a block.</summary>
    public int MostTiles { get; }

    /// <summary>Vectors of 16 input channels.</summary>
    public int InputVectors { get; }

    /// <summary>Panels of output channels.</summary>
    public int Panels { get; }

    /// <summary>Vectors of a panel.</summary>
    public int PanelVectors { get; }

    /// <summary>Bytes from tile to tile of the transformed inputs.</summary>
    public int InputTileBytes => InputVectors * _products.VectorBytes;

    /// <summary>Bytes from position to position of the transformed inputs.</summary>
    public int InputPositionBytes => MostTiles * InputTileBytes + PositionGap;

    /// <summary>Bytes of a block's transformed inputs.</summary>
    public long InputBytes => (long)_positions * InputPositionBytes;

    /// <summary>Bytes from tile to tile of the sums.</summary>
    public int SumTileBytes => Panels * PanelVectors * VectorBytes;

    /// <summary>Bytes from position to position of the sums.</summary>
    public int SumPositionBytes => MostTiles * SumTileBytes + PositionGap;

    /// <summary>Bytes of a block's sums.</summary>
    public long SumBytes => (long)_positions * SumPositionBytes;

    /// <summary>Bytes of the transformed weights.</summary>
    public long WeightBytes => _positions * Panels * (long)_panelBytes;

    /// <summary>Parts of <see cref="Pack"/>.</summary>
    public int PackParts => Panels * EvenParts.Count(_channels, PackedChannels);

    /// <summary>All positions of some tiles.</summary>
    /// <param name="weights">The transformed weights.</param>
    /// <param name="inputs">The transformed inputs of a block.</param>
    /// <param name="sums">Receives the sums.</param>
    /// <param name="tiles">Tiles of the block.</param>
    /// <param name="firstPanel">The first panel that is computed.</param>
    /// <param name="endPanel">One past the last.</param>
    public void Run(byte* weights, byte* inputs, byte* sums, int tiles, int firstPanel, int endPanel)
    {
        var (full, rest) = Math.DivRem(tiles, _group);
        var args = new ConvKernelArgs { Blocks = _groups, BlockCount = full, RestBlocks = _groups + full, RestCount = rest > 0 ? 1 : 0, PanelCount = endPanel - firstPanel, Panel = _zeros };
        var code = (delegate* unmanaged<ConvKernelArgs*, void>)_code[rest];
        for (var position = 0; position < _positions; position++)
        {
            args.Input = inputs + (nint)position * InputPositionBytes;
            args.Output = sums + (nint)position * SumPositionBytes + (nint)firstPanel * PanelVectors * VectorBytes;
            args.Weights = Weights(position);
            args.NextWeights = Weights(position + 1 < _positions ? position + 1 : 0);
            code(&args);
        }

        byte* Weights(int position) => weights + ((nint)position * Panels + firstPanel) * _panelBytes;
    }

    /// <summary>Transforms and packs a part of the weights.</summary>
    /// <param name="weights">The layer's.</param>
    /// <param name="packed">Receives <see cref="WeightBytes"/>.</param>
    /// <param name="part">The part.</param>
    public void Pack(float* weights, byte* packed, int part)
    {
        var (panel, first, step) = (part % Panels, part / Panels * PackedChannels, _products.Step);
        var lanes = PanelVectors * PanelShape.Lanes;
        var window = stackalloc float[WinogradPoints.Taps * PanelShape.Lanes];
        var transformed = stackalloc float[step * _positions * PanelShape.Lanes];
        for (var lane = 0; lane < lanes; lane += PanelShape.Lanes)
        {
            var outputs = Math.Clamp(_outChannels - panel * lanes - lane, 0, PanelShape.Lanes);
            new Span<float>(window, WinogradPoints.Taps * PanelShape.Lanes).Clear();
            for (var channel = first; channel < Math.Min(first + PackedChannels, _channels); channel += step)
            {
                for (var i = 0; i < step; i++)
                {
                    Read(weights + _places.First + (panel * lanes + lane) * _places.Out + (channel + i) * _places.In, outputs, window);
                    _points.TransformWeights(window, transformed + i * _positions * PanelShape.Lanes);
                }
                var to = packed + panel * _panelBytes + ((nint)channel / step * lanes + lane) * sizeof(float);
                for (var position = 0; position < _positions; position++, to += Panels * _panelBytes)
                {
                    var values = Vector512.Load(transformed + position * PanelShape.Lanes);
                    if (step == 1) values.Store((float*)to);
                    else Bfloat16.RoundPairs(values, Vector512.Load(transformed + (_positions + position) * PanelShape.Lanes)).Store((uint*)to);
                }
            }
        }
    }

    // Reads the windows of one input channel and up to 16 output channels as [taps][16], one float at a time, because the weights of output channels are not neighbours.
    private void Read(float* weights, int outputs, float* window)
    {
        for (var output = 0; output < outputs; output++, weights += _places.Out)
        {
            float* from = weights, to = window + output;
            for (var tap = 0; tap < WinogradPoints.Taps; tap++, from += _places.Column, to += PanelShape.Lanes) *to = *from;
        }
    }
}
