namespace Pith.Kernels.Jit;

/// <summary>
/// How weights that share 2:4 patterns are packed for vectors of 512 bits: a record for each block of up to 64 bytes of the reduction. It begins with 64 bytes for each pair of groups that tell VPSHUFB which bytes of the block
/// the pair keeps; then come the kept weights, [units][vectors][16 channels][4], in the order of <see cref="SharedSums"/>. A unit is what half of the quads of a 128-bit lane leave: four bytes for each group.
/// </summary>
/// <param name="Panel">The panel.</param>
/// <param name="Reduction">What is summed over.</param>
internal readonly record struct SharedWeights(PanelShape Panel, ReductionShape Reduction)
{
    /// <summary>Bytes of a vector.</summary>
    public const int VectorBytes = 64;

    private const int UnitsOfLane = 2, UnitBytes = 8, GroupBytes = 4;

    public SharedBlocks Blocks => new(Reduction, VectorBytes);

    /// <summary>Units of a block.</summary>
    public int Units => Blocks.Lanes * UnitsOfLane;

    /// <summary>Bytes of a record before its weights.</summary>
    public int IndexBytes => SharedSums.Pairs(Panel) * VectorBytes;

    public int RecordBytes => IndexBytes + Units * Panel.Vectors * VectorBytes;

    /// <summary>Bytes of a panel.</summary>
    public nint Bytes => (nint)Blocks.Count * RecordBytes;

    /// <summary>Packs a panel into zeroed memory.</summary>
    /// <param name="rows">The weights of each channel of the panel, [runs, bytes of a run]; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="packed"><see cref="Bytes"/> bytes.</param>
    public unsafe void Pack(byte* rows, nint rowBytes, byte* packed)
    {
        var (blocks, shared) = (Blocks, Panel.Shared);
        var panel = Panel;
        var sums = Enumerable.Range(0, panel.Capacity).Select(i => panel.SumChannel(i / PanelShape.Lanes, i % PanelShape.Lanes)).ToArray();
        for (var block = 0; block < blocks.Count; block++, packed += RecordBytes)
        {
            var from = rows + (nint)block * blocks.Bytes;
            var index = packed;
            new Span<byte>(index, IndexBytes).Fill(SharedBlocks.Nothing);
            for (var group = 0; group < panel.Capacity / shared; group++)
                for (var quad = 0; quad * 4 < blocks.Bytes; quad++)
                {
                    var (first, second) = SharedBlocks.Kept(from + group * shared * rowBytes + quad * 4, rowBytes, shared);
                    var inLane = quad % 4 * 4;
                    // [half of the quads of a lane][group of the pair][quad][kept byte]
                    var to = index + group / 2 * VectorBytes + quad / 2 * UnitBytes + group % 2 * GroupBytes + quad % 2 * 2;
                    (to[0], to[1]) = ((byte)(inLane + first), (byte)(inLane + second));
                }
            var weights = packed + IndexBytes;
            for (var unit = 0; unit < Units; unit++)
                foreach (var channel in sums)
                {
                    var group = channel / shared;
                    var bytes = index + group / 2 * VectorBytes + unit * UnitBytes + group % 2 * GroupBytes;
                    var lane = from + channel * rowBytes + unit / UnitsOfLane * SharedBlocks.LaneBytes;
                    for (var b = 0; b < GroupBytes; b++, weights++) *weights = bytes[b] == SharedBlocks.Nothing ? (byte)0 : lane[bytes[b]];
                }
        }
    }
}
