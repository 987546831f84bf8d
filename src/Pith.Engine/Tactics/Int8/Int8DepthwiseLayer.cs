using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A built <see cref="Int8Depthwise"/>.</summary>
internal sealed unsafe class Int8DepthwiseLayer : RunnableLayer, IParallelBody
{
    private readonly ContractionLayer _layer;
    private readonly double _seconds;
    private readonly DepthwiseInt8 _conv;

    public Int8DepthwiseLayer(ContractionLayer layer, BuildResources resources, double seconds)
    {
        _layer = layer;
        _seconds = seconds;
        var conv = new DepthwiseInt8
        {
            Bands = BandedParts.Create(layer),
            Channels = layer.Output.PixelBytes,
            TapGroups = (layer.Window.Taps + DepthwiseInt8.TapGroup - 1) / DepthwiseInt8.TapGroup,
        };
        conv.BlockBytes = (nint)conv.TapGroups * Depthwise_u8s8s32_32t4_portable.GroupBytes;
        conv.Weights = resources.Allocate(conv.Blocks * conv.BlockBytes);
        conv.TapOffsets = TapOffsets(conv, resources);
        DepthwiseInt8Kernel.Pack(layer.Int8!.Weights.Span, layer.Window.Taps, &conv);
        var constants = new ContractionConstants(layer);
        conv.Epilogue = EpilogueInt8.Create(layer, constants, resources);
        conv.Start = (int*)resources.Allocate((long)conv.Blocks * DepthwiseInt8.Block * sizeof(int));
        constants.Accumulator.CopyTo(new Span<int>(conv.Start, constants.Accumulator.Length));
        ScratchBytes = conv.Bands.ScratchBytes;
        _conv = conv;
    }

    public override long ScratchBytes { get; }

    public override void Run(RunState state)
    {
        var conv = At(state);
        state.RunParallel(this, BandedParts.Images(_layer, conv.Bands, state.Batch) * conv.Bands.Count * conv.BlockParts);
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var conv = At(state);
        (part, var blocks) = Math.DivRem(part, conv.BlockParts);
        var (image, band) = Math.DivRem(part, conv.Bands.Count);
        var first = blocks * conv.PartBlocks;
        DepthwiseInt8Kernel.Run(&conv, image, band, first, Math.Min(first + conv.PartBlocks, conv.Blocks), state.Scratch(worker));
    }

    private DepthwiseInt8 At(RunState state)
    {
        var conv = _conv;
        conv.PartBlocks = Math.Max(1, conv.Blocks / BandedParts.Bind(_layer, ref conv.Bands, state, _seconds));
        conv.Epilogue.Output = state.Address(_layer.Output);
        if (_layer.Residual is { } residual) conv.Epilogue.Residual = state.Address(residual);
        return conv;
    }

    // Taps that only fill a group read the window's first pixel, with weights of 0.
    private static nint* TapOffsets(in DepthwiseInt8 conv, BuildResources resources)
    {
        var offsets = (nint*)resources.Allocate((long)conv.TapGroups * DepthwiseInt8.TapGroup * sizeof(nint));
        for (var tap = 0; tap < conv.Bands.Window.Taps; tap++) offsets[tap] = conv.Bands.TapOffset(tap / conv.Bands.Window.KernelWidth, tap % conv.Bands.Window.KernelWidth);
        return offsets;
    }
}
