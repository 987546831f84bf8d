using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A built <see cref="Int8Conv"/>.</summary>
internal sealed unsafe class Int8ConvLayer<TTile, TLanes> : RunnableLayer, IParallelBody where TTile : struct, ITileInt8 where TLanes : struct, ILanes<TLanes>
{
    // The input of a band stays in the second-level cache while all panels pass over it.
    private const int BandBytes = 256 << 10;

    // About five microseconds: less is not worth handing to another thread.
    private const double PartMacs = 800e3;

    // A band of fewer pixels leaves the tiles of a panel mostly empty.
    private const int LeastBandPixels = 4 * TileInt8.MaxRows;

    private readonly ContractionLayer _layer;
    private readonly int _largestBand;
    private ConvInt8 _conv;

    public Int8ConvLayer(ContractionLayer layer, BuildResources resources)
    {
        _layer = layer;
        var (groupIn, groupOut) = (layer.Channels / layer.Groups, layer.OutChannels / layer.Groups);
        var join = layer.Groups == 1 ? 1 : ConvInt8Packing.GroupsToJoin(layer.Groups, groupIn, groupOut);
        var groups = layer.Groups / join;
        _conv = new ConvInt8
        {
            Height = layer.InputSize.Height,
            Width = layer.InputSize.Width,
            PixelBytes = layer.Input.PixelBytes,
            ZeroPoint = (byte)layer.Int8!.Input.StoredZeroPoint,
            OutHeight = layer.OutputSize.Height,
            OutWidth = layer.OutputSize.Width,
            Window = layer.Window,
            Groups = groups,
            GroupBytes = groups == 1 ? layer.Input.PixelBytes : join * groupIn,
            // Without groups the padding channels of a byte result are written too.
            GroupOut = groups == 1 && layer.Output.IsQuantized ? layer.Output.PixelBytes : join * groupOut,
            PartPanels = 1,
        };
        if (_conv.IsPointwise) (_conv.Height, _conv.Width, _conv.OutWidth) = (1, 1, 1);
        _conv.BandRows = _largestBand = LargestBand();
        _conv.PanelBytes = ConvInt8Packing.PanelBytes<TTile>(_conv);
        _conv.Weights = resources.Allocate(_conv.Panels * _conv.PanelBytes);
        ConvInt8Packing.Pack<TTile>(_conv, layer.Int8.Weights.Span, groupIn, groupOut, _conv.Weights);
        var constants = new ContractionConstants(layer);
        _conv.Epilogue = EpilogueInt8.Create(layer, constants, resources);
        _conv.Start = PanelStarts(constants, resources);
        resources.KeepConstant(layer.Residual);
        ScratchBytes = _conv.ScratchBytes;
    }

    public override long ScratchBytes { get; }

    public override void Run(RunState state)
    {
        var conv = At(state);
        state.RunParallel(this, ImagesOf(state) * conv.Bands * conv.PanelParts);
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var conv = At(state);
        (part, var panels) = Math.DivRem(part, conv.PanelParts);
        var (image, band) = Math.DivRem(part, conv.Bands);
        var first = panels * conv.PartPanels;
        ConvInt8Kernel<TTile, TLanes>.Run(&conv, image, band, first, Math.Min(first + conv.PartPanels, conv.Panels), state.Scratch(worker));
    }

    // Pointwise, all images are one.
    private int ImagesOf(RunState state) => _conv.IsPointwise ? 1 : _layer.Images(state.Batch);

    private ConvInt8 At(RunState state)
    {
        var conv = _conv;
        conv.Input = state.Address(_layer.Input);
        conv.Epilogue.Output = state.Address(_layer.Output);
        if (_layer.Residual is { } residual) conv.Epilogue.Residual = state.Address(residual);
        if (conv.IsPointwise) conv.OutHeight = checked(_layer.Images(state.Batch) * _layer.InputSize.Height * _layer.InputSize.Width);
        Cut(ref conv, ImagesOf(state), state.Batch, state.Pool.Threads);
        return conv;
    }

    // Bands first, because each part copies its band; then panels, late in a network where pixels are few.
    private void Cut(ref ConvInt8 conv, int images, int batch, int threads)
    {
        var wanted = threads == 1 ? 1 : (int)Math.Clamp(_layer.Macs * batch / PartMacs, 1, 6 * threads);
        var bands = (wanted + images - 1) / images;
        var least = (LeastBandPixels + conv.OutWidth - 1) / conv.OutWidth;
        conv.BandRows = Math.Clamp((conv.OutHeight + bands - 1) / bands, Math.Min(least, _largestBand), _largestBand);
        var parts = images * conv.Bands;
        conv.PartPanels = parts >= wanted ? conv.Panels : Math.Max(1, conv.Panels * parts / wanted);
    }

    private int LargestBand()
    {
        var rows = _conv.IsPointwise ? BandBytes / _conv.PixelBytes : _conv.OutHeight;
        while (rows > 1 && !_conv.IsPointwise && (long)_conv.CopyRows(rows) * _conv.CopyColumns * _conv.PixelBytes > BandBytes) rows--;
        return Math.Max(rows, 1);
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
