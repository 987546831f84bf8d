using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// A rough time of an emitted convolution at batch 1: the cycles of its blocks, and the bytes that come from beyond the first-level cache. Only the order among blockings matters, and that the parts
/// that threads get are neither too small nor too large.
/// </summary>
internal sealed class EmittedConvEstimate
{
    private const double CyclesPerSecond = 3.3e9;

    // Bytes per second and core from the second level and from beyond.
    private const double SecondLevelBytesPerSecond = 120e9, BeyondBytesPerSecond = 20e9;

    // What a core keeps in its first level beside a block.
    private const double CloseBytes = 24 << 10;

    public EmittedConvEstimate(ContractionLayer layer, ConvKernelFamily family, ConvBlocking blocking, int threads)
    {
        var operands = family.Operands(layer);
        var image = operands.Image;
        var shape = new PanelShape(blocking.Vectors, blocking.Vectors * PanelShape.Lanes, false);
        var block = family.Block(image, blocking.Vectors, family.Temporaries(layer));
        double blocks = EvenParts.Count(image.Rows, block.Rows) * EvenParts.Count(image.Columns, block.Columns);
        double panels = EvenParts.Count(operands.GroupChannels, shape.Capacity) * operands.Groups;
        var weightBytes = panels * family.WeightBytes(shape, operands.Reduction);
        double inputBytes = layer.Input.Bytes(1), outputBytes = layer.Output.Bytes(1);
        // What one thread does; a share that does not divide leaves threads waiting.
        if (blocking.SplitsChannels) (panels, weightBytes, outputBytes) = (Math.Ceiling(panels / threads), weightBytes / threads, outputBytes / threads);
        else (blocks, inputBytes, outputBytes) = (Math.Ceiling(blocks / threads), inputBytes / threads, outputBytes / threads);
        var compute = blocks * (panels * family.BlockCycles(block, blocking.Vectors, operands.Reduction) + family.OpenBlockCycles(operands.Reduction)) / CyclesPerSecond;
        // Whichever loop is inside passes over its operand again and again, unless that stays close.
        var again = blocking.BlocksOutside
            ? (weightBytes > CloseBytes ? Math.Max(0, inputBytes / CloseBytes - 1) * weightBytes : 0)
            : (inputBytes > CloseBytes && !operands.IsDepthwise ? (panels - 1) * inputBytes : 0);
        Seconds = compute + again / SecondLevelBytesPerSecond + (weightBytes + inputBytes + outputBytes) / BeyondBytesPerSecond / 2;
    }

    /// <summary>Seconds of one image.</summary>
    public double Seconds { get; }
}
