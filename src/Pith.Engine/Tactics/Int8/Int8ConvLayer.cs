using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A built <see cref="Int8Conv"/>.</summary>
/// <typeparam name="TTile">The kernel of a tile.</typeparam>
internal sealed unsafe class Int8ConvLayer<TTile> : RunnableLayer, IParallelBody where TTile : struct, ITileKernelInt8
{
    // Weights that stay in the first-level cache beside a tile's pixels.
    private const int CloseBytes = 16 << 10;

    private readonly ContractionLayer _layer;
    private readonly double _seconds;
    private readonly ConvInt8 _conv;

    public Int8ConvLayer(ContractionLayer layer, BuildResources resources, double seconds)
    {
        _layer = layer;
        _seconds = seconds;
        var (groupIn, groupOut) = (layer.Channels / layer.Groups, layer.OutChannels / layer.Groups);
        var join = layer.Groups == 1 ? 1 : ConvInt8Packing.GroupsToJoin(layer.Groups, groupIn, groupOut);
        var groups = layer.Groups / join;
        _conv = new ConvInt8
        {
            Bands = BandedParts.Create(layer),
            Groups = groups,
            GroupBytes = groups == 1 ? layer.Input.PixelBytes : join * groupIn,
            // Without groups the padding channels of a byte result are written too.
            GroupOut = groups == 1 && layer.Output.IsQuantized ? layer.Output.PixelBytes : join * groupOut,
        };
        _conv.PanelBytes = ConvInt8Packing.PanelBytes<TTile>(_conv);
        _conv.Weights = resources.Allocate(_conv.Panels * _conv.PanelBytes);
        ConvInt8Packing.Pack<TTile>(_conv, layer.Int8!.Weights.Span, groupIn, groupOut, _conv.Weights);
        _conv.SegmentOffsets = SegmentOffsets(resources);
        var constants = new ContractionConstants(layer);
        _conv.Epilogue = EpilogueInt8.Create(layer, constants, resources);
        _conv.Start = PanelStarts(constants, resources);
        ScratchBytes = _conv.Bands.ScratchBytes;
    }

    public override long ScratchBytes { get; }

    public override void Run(RunState state)
    {
        var conv = At(state);
        state.RunParallel(this, BandedParts.Images(_layer, conv.Bands, state.Batch) * conv.Bands.Count * conv.PanelParts);
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var conv = At(state);
        (part, var panels) = Math.DivRem(part, conv.PanelParts);
        var (image, band) = Math.DivRem(part, conv.Bands.Count);
        var first = panels * conv.PartPanels;
        ConvInt8Kernel.Run<TTile>(&conv, image, band, first, Math.Min(first + conv.PartPanels, conv.Panels), state.Scratch(worker));
    }

    private ConvInt8 At(RunState state)
    {
        var conv = _conv;
        conv.PartPanels = Math.Max(1, conv.Panels / BandedParts.Bind(_layer, ref conv.Bands, state, _seconds));
        conv.BlocksOutside = conv.PartPanels * conv.PanelBytes <= CloseBytes;
        conv.Epilogue.Output = state.Address(_layer.Output);
        if (_layer.Residual is { } residual) conv.Epilogue.Residual = state.Address(residual);
        return conv;
    }

    private nint* SegmentOffsets(BuildResources resources)
    {
        var offsets = (nint*)resources.Allocate((long)_conv.Segments * sizeof(nint));
        var perRow = _conv.JoinsColumns ? 1 : _conv.Bands.Window.KernelWidth;
        for (var i = 0; i < _conv.Segments; i++) offsets[i] = _conv.Bands.TapOffset(i / perRow, i % perRow);
        return offsets;
    }

    private int* PanelStarts(ContractionConstants constants, BuildResources resources)
    {
        var start = (int*)resources.Allocate((long)_conv.Panels * TileInt8.Panel * sizeof(int));
        for (var k = 0; k < constants.Accumulator.Length; k++)
        {
            var (group, inGroup) = Math.DivRem(k, _conv.GroupOut);
            start[group * _conv.PanelsPerGroup * TileInt8.Panel + inGroup] = constants.Accumulator[k];
        }
        return start;
    }
}
