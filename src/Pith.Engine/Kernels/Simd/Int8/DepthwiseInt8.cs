namespace Pith.Kernels.Int8;

/// <summary>
/// An INT8 depthwise convolution: each output channel sees one input channel. Channels are cut into blocks of <see cref="Block"/>, taps into groups of <see cref="TapGroup"/> with weights of 0
/// for taps that are not there.
/// </summary>
internal unsafe struct DepthwiseInt8
{
    /// <summary>Channels that a kernel computes at once.</summary>
    public const int Block = 32;

    /// <summary>Taps that are multiplied in one step.</summary>
    public const int TapGroup = 4;

    public BandInt8 Bands;

    /// <summary>Channels that are stored.</summary>
    public int Channels;

    /// <summary>Bytes from a window's start to each tap, [<see cref="TapGroups"/>, <see cref="TapGroup"/>].</summary>
    public nint* TapOffsets;
    public int TapGroups;

    /// <summary>Packed weights [blocks, tap groups, ...] as the kernel reads them; <see cref="BlockBytes"/> for each block.</summary>
    public byte* Weights;
    public nint BlockBytes;

    /// <summary>What accumulators start from, [blocks, block].</summary>
    public int* Start;

    public Int8Epilogue Epilogue;

    /// <summary>Blocks of a part.</summary>
    public int PartBlocks;

    public readonly int Blocks => (Channels + Block - 1) / Block;

    public readonly int BlockParts => (Blocks + PartBlocks - 1) / PartBlocks;
}

/// <summary>A kernel for one pixel and one block of channels of a <see cref="DepthwiseInt8"/>, and the packing that it reads.</summary>
internal unsafe interface IDepthwiseInt8
{
    /// <summary>Bytes of packed weights for one block and one group of taps.</summary>
    static abstract int GroupBytes { get; }

    /// <summary>Packs one group of taps: <paramref name="weights"/> [<see cref="DepthwiseInt8.TapGroup"/>, <see cref="DepthwiseInt8.Block"/>].</summary>
    static abstract void PackGroup(sbyte* weights, byte* packed);

    /// <summary>accumulators[pixel, c] = start[c] + sum over taps of pixel[tap][c] * weight[tap, c], for some pixels.</summary>
    /// <param name="source">Where offsets count from, at the block's first channel.</param>
    /// <param name="pixelOffsets">Where the window of each pixel starts.</param>
    /// <param name="pixels">Number of pixels.</param>
    /// <param name="tapOffsets">[groups, <see cref="DepthwiseInt8.TapGroup"/>]</param>
    /// <param name="tapGroups">Groups of taps.</param>
    /// <param name="weights">The block's packed weights.</param>
    /// <param name="start">[<see cref="DepthwiseInt8.Block"/>]</param>
    /// <param name="accumulators">[pixels, <see cref="DepthwiseInt8.Block"/>]</param>
    static abstract void Run(byte* source, nint* pixelOffsets, int pixels, nint* tapOffsets, int tapGroups, byte* weights, int* start, int* accumulators);
}
