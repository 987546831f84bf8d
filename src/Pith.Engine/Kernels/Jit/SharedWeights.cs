namespace Pith.Kernels.Jit;

/// <summary>
/// How weights that share 2:4 patterns are packed for vectors of 512 bits: a record for each block of up to 64 bytes of the reduction. It begins with 64 bytes that tell VPSHUFB which bytes of the block a pair of groups keeps;
/// then come the kept weights, [units][vectors of sums][16 lanes][4], in the order of <see cref="SharedSums"/>. A unit is what is broadcast at once.
/// </summary>
/// <param name="Panel">The panel.</param>
/// <param name="Reduction">What is summed over.</param>
internal readonly record struct SharedWeights(PanelShape Panel, ReductionShape Reduction)
{
    /// <summary>Bytes of a vector.</summary>
    public const int VectorBytes = 64;

    private const int HalfBytes = 8, GroupBytes = 4;

    public SharedBlocks Blocks => new(Reduction, VectorBytes);

    /// <summary>Vectors of sums.</summary>
    public int Sums => Panel.Vectors * SharedSums.Partials(Panel.Shared);

    /// <summary>Units of a block.</summary>
    public int Units => Blocks.Lanes * SharedBlocks.LaneBytes / SharedSums.UnitBytes(Panel.Shared);

    public int RecordBytes => VectorBytes + Units * Sums * VectorBytes;

    /// <summary>Bytes of a panel.</summary>
    public nint Bytes => (nint)Blocks.Count * RecordBytes;

    /// <summary>Packs a panel into zeroed memory.</summary>
    /// <param name="rows">The weights of each channel of the panel, [runs, bytes of a run]; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="packed"><see cref="Bytes"/> bytes.</param>
    public unsafe void Pack(byte* rows, nint rowBytes, byte* packed)
    {
        var (blocks, panel) = (Blocks, Panel);
        var (shared, unitBytes, isPartial) = (panel.Shared, SharedSums.UnitBytes(panel.Shared), SharedSums.Partials(panel.Shared) > 1);
        var sums = Enumerable.Range(0, Sums * PanelShape.Lanes).Select(i => (Channel: SharedSums.Channel(panel, i / PanelShape.Lanes, i % PanelShape.Lanes), Half: isPartial ? SharedSums.Half(i % PanelShape.Lanes) : 0)).ToArray();
        for (var block = 0; block < blocks.Count; block++, packed += RecordBytes)
        {
            var from = rows + (nint)block * blocks.Bytes;
            var index = packed;
            new Span<byte>(index, VectorBytes).Fill(SharedBlocks.Nothing);
            for (var group = 0; group < 2; group++)
                for (var quad = 0; quad * 4 < blocks.Bytes; quad++)
                {
                    var (first, second) = SharedBlocks.Kept(from + group * shared * rowBytes + quad * 4, rowBytes, shared);
                    var inLane = quad % 4 * 4;
                    // [half of the quads of a lane][group][quad][kept byte]
                    var to = index + quad / 2 * HalfBytes + group * GroupBytes + quad % 2 * 2;
                    (to[0], to[1]) = ((byte)(inLane + first), (byte)(inLane + second));
                }
            var weights = packed + VectorBytes;
            for (var unit = 0; unit < Units; unit++)
                foreach (var (channel, half) in sums)
                {
                    var at = unit * unitBytes + half * HalfBytes;
                    var bytes = index + at + channel / shared * GroupBytes;
                    var lane = from + channel * rowBytes + at / SharedBlocks.LaneBytes * SharedBlocks.LaneBytes;
                    for (var b = 0; b < GroupBytes; b++, weights++) *weights = bytes[b] == SharedBlocks.Nothing ? (byte)0 : lane[bytes[b]];
                }
        }
    }
}
