namespace Pith.Kernels.Jit;

/// <summary>
/// How weights that share 2:4 patterns are packed for vectors of 256 bits: a record for each block of up to 32 bytes of the reduction. It begins with 32 bytes that tell VPSHUFB which bytes of the block the panel keeps; then
/// come the kept weights of its 16 channels, 64 bytes for each unit. With VNNI a unit is four kept bytes of two quads, and there is one for each half of the panel when the halves are groups of their own; without it a unit is
/// the two kept bytes of a quad, which the shuffle widens to words.
/// </summary>
/// <param name="Reduction">What is summed over.</param>
/// <param name="Shared">Channels of a group: 8 or 16.</param>
/// <param name="IsWords">Whether bytes are widened to words.</param>
internal readonly record struct SharedVexWeights(ReductionShape Reduction, int Shared, bool IsWords)
{
    /// <summary>Bytes of a vector.</summary>
    public const int VectorBytes = 32;

    /// <summary>Bytes of a unit of what was gathered.</summary>
    public const int UnitBytes = 4;

    /// <summary>Bytes of a unit's weights.</summary>
    public const int WeightBytes = 2 * VectorBytes;

    private const int Channels = PanelShape.Lanes;

    public SharedBlocks Blocks => new(Reduction, VectorBytes);

    /// <summary>Units of a block.</summary>
    public int Units => Blocks.Lanes * (IsWords ? 4 : 2);

    public int RecordBytes => VectorBytes + Units * WeightBytes;

    /// <summary>Bytes of a panel.</summary>
    public nint Bytes => (nint)Blocks.Count * RecordBytes;

    /// <summary>Where a unit for a half of the panel lies in what was gathered.</summary>
    public int UnitAt(int unit, int half) => IsWords ? unit * UnitBytes : unit * 2 * UnitBytes + (Shared < Channels ? half * UnitBytes : 0);

    /// <summary>Packs a panel into zeroed memory.</summary>
    /// <param name="rows">The weights of each channel of the panel, [runs, bytes of a run]; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="packed"><see cref="Bytes"/> bytes.</param>
    public unsafe void Pack(byte* rows, nint rowBytes, byte* packed)
    {
        var blocks = Blocks;
        for (var block = 0; block < blocks.Count; block++, packed += RecordBytes)
        {
            var from = rows + (nint)block * blocks.Bytes;
            new Span<byte>(packed, VectorBytes).Fill(SharedBlocks.Nothing);
            for (var group = 0; group < Channels / Shared; group++)
                for (var quad = 0; quad * 4 < blocks.Bytes; quad++)
                {
                    var (first, second) = SharedBlocks.Kept(from + group * Shared * rowBytes + quad * 4, rowBytes, Shared);
                    var inLane = quad % 4 * 4;
                    var step = IsWords ? 2 : 1;
                    var to = packed + (IsWords ? UnitAt(quad, 0) : UnitAt(quad / 2, group) + quad % 2 * 2);
                    (to[0], to[step]) = ((byte)(inLane + first), (byte)(inLane + second));
                }
            var weights = packed + VectorBytes;
            for (var unit = 0; unit < Units; unit++)
                for (var channel = 0; channel < Channels; channel++, weights += UnitBytes)
                {
                    var bytes = packed + UnitAt(unit, channel / (Channels / 2));
                    var lane = from + channel * rowBytes + unit / (IsWords ? 4 : 2) * SharedBlocks.LaneBytes;
                    if (IsWords)
                        for (var i = 0; i < 2; i++) ((short*)weights)[i] = bytes[2 * i] == SharedBlocks.Nothing ? (short)0 : (sbyte)lane[bytes[2 * i]];
                    else
                        for (var i = 0; i < UnitBytes; i++) weights[i] = bytes[i] == SharedBlocks.Nothing ? (byte)0 : lane[bytes[i]];
                }
        }
    }
}
