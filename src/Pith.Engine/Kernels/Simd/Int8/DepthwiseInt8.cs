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
