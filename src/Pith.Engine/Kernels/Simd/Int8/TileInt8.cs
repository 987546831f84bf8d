namespace Pith.Kernels.Int8;

/// <summary>
/// One tile of an INT8 contraction: <c>Accumulators[p, k] = Start[k] + sum over segments s, bytes i of Pixels[p][SegmentOffsets[s] + i] * panel[s, i, k]</c> in 32-bit integers that wrap. A
/// segment is a run of input bytes that the window covers without a gap.
/// </summary>
internal unsafe struct TileInt8
{
    /// <summary>Output channels of a tile.</summary>
    public const int Panel = 16;

    /// <summary>Bytes that are multiplied in one step; segments are whole steps.</summary>
    public const int Step = 4;

    /// <summary>Where each pixel's window starts; as many as the kernel has rows.</summary>
    public byte** Pixels;

    /// <summary>Bytes from there to each segment.</summary>
    public nint* SegmentOffsets;

    public int Segments;

    /// <summary>Steps of each segment.</summary>
    public int Steps;

    /// <summary>The panel's weights as the kernel packs them.</summary>
    public byte* Weights;

    /// <summary>[<see cref="Panel"/>]</summary>
    public int* Start;

    /// <summary>[rows, <see cref="Panel"/>]</summary>
    public int* Accumulators;
}

/// <summary>A kernel for <see cref="TileInt8"/>.</summary>
internal unsafe interface ITileKernelInt8
{
    /// <summary>Pixels of a tile.</summary>
    static abstract int Rows { get; }

    /// <summary>Bytes of packed weights for one step.</summary>
    static abstract int StepBytes { get; }

    /// <summary>Packs one step of weights, [<see cref="TileInt8.Panel"/>, <see cref="TileInt8.Step"/>].</summary>
    static abstract void PackStep(sbyte* weights, byte* packed);

    /// <summary>Computes the tile.</summary>
    static abstract void Run(TileInt8* tile);
}
