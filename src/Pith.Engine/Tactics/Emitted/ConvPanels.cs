using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The panels of one shape: their kernel, the blocks that it runs on, packed weights and constants. Numbered group by group.</summary>
internal sealed unsafe class ConvPanels
{
    /// <summary>The operands of the layer, or of the phase that the panels belong to.</summary>
    public required ConvOperands Operands { get; init; }

    /// <summary>Its numbers.</summary>
    public required ConvParameters Parameters { get; init; }

    public required PanelShape Shape { get; init; }

    public required int PerGroup { get; init; }

    public required int Count { get; init; }

    /// <summary>The first channel within each group.</summary>
    public required int FirstChannel { get; init; }

    /// <summary>For each panel, the layer's output channel of each of its channels, or -1 for padding.</summary>
    public required Func<int, int>[] Channels { get; init; }

    /// <summary>Packed weights, one panel after the other, and then <see cref="EpilogueConstants"/> likewise; null where they are packed at each run.</summary>
    public byte* Packed { get; set; }

    /// <summary>Where they are in shared scratch memory then.</summary>
    public required long ScratchOffset { get; init; }
    public required nint WeightBytes { get; init; }
    public required nint ConstantBytes { get; init; }

    /// <summary>Bytes of all of it.</summary>
    public long PackedBytes => Count * (long)(WeightBytes + ConstantBytes);

    /// <summary>The kernels and blocks for an image; for flat operands, one for each of some numbers of images, smallest first.</summary>
    public required ConvBlocks[] Blocks { get; init; }
}

/// <summary>A kernel with the blocks that it covers an image with.</summary>
internal sealed unsafe class ConvBlocks
{
    /// <summary>Images that the blocks cover: 1, or more for flat operands.</summary>
    public required int Images { get; init; }

    /// <summary>Whether the list goes on over all images of a batch; otherwise it is that of one image.</summary>
    public required bool SpansImages { get; init; }

    public required nint Kernel { get; init; }

    /// <summary>The kernel for results that do not fit the caches; may be the same.</summary>
    public required nint StreamingKernel { get; init; }

    /// <summary>The configuration of AMX tiles that the kernel needs; null for none.</summary>
    public required byte* TileConfig { get; init; }

    public required BlockOffsets* Offsets { get; init; }

    /// <summary>The pixels of a block.</summary>
    public required PixelBlock Block { get; init; }

    /// <summary>Where blocks are: counted over images, or for flat operands over all <see cref="Images"/> as one.</summary>
    public required BlockGrid Grid { get; init; }
}
