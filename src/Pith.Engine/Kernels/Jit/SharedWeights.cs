namespace Pith.Kernels.Jit;

/// <summary>
/// How weights that share 2:4 patterns are packed: a record for each block of up to 64 bytes of the reduction. It begins with 64 bytes for each pair of groups that tell VPSHUFB which bytes of the block the pair keeps; then
/// come the kept weights, [units][vectors][16 channels][4], in the order of <see cref="SharedSums"/>. A unit is what 128 bits of the block leave for half of their quads: four bytes for each group.
/// </summary>
/// <param name="Panel">The panel.</param>
/// <param name="Reduction">What is summed over.</param>
internal readonly record struct SharedWeights(PanelShape Panel, ReductionShape Reduction)
{
    private const int VectorBytes = 64, LaneBytes = 16, UnitsOfLane = 2;

    // VPSHUFB makes a zero of it: in quads beyond the block.
    private const byte Nothing = 0x80;

    /// <summary>Bytes of the reduction in a block: a divisor of a run that is a multiple of 16, or a short run as a whole.</summary>
    public int BlockBytes => BlockOf(Reduction.RunBytes);

    /// <summary>Blocks of all runs.</summary>
    public int Blocks => Reduction.Runs * (Reduction.RunBytes / BlockBytes);

    /// <summary>Units of a block.</summary>
    public int Units => (BlockBytes + LaneBytes - 1) / LaneBytes * UnitsOfLane;

    /// <summary>Bytes of a record before its weights.</summary>
    public int IndexBytes => SharedSums.Pairs(Panel) * VectorBytes;

    public int RecordBytes => IndexBytes + Units * Panel.Vectors * VectorBytes;

    /// <summary>Bytes of a panel.</summary>
    public nint Bytes => (nint)Blocks * RecordBytes;

    /// <summary>Whether runs of so many bytes can be cut into blocks.</summary>
    public static bool Takes(int runBytes) => BlockOf(runBytes) > 0;

    /// <summary>Bytes from a window's first byte to a block.</summary>
    public int Offset(int block)
    {
        var (run, inRun) = Math.DivRem(block, Reduction.RunBytes / BlockBytes);
        var (row, column) = Math.DivRem(run, Reduction.Columns);
        return row * Reduction.RowBytes + column * Reduction.ColumnBytes + inRun * BlockBytes;
    }

    // 0 when there is none.
    private static int BlockOf(int runBytes)
    {
        if (runBytes <= VectorBytes) return runBytes;
        for (var bytes = VectorBytes; bytes > 0; bytes -= LaneBytes)
            if (runBytes % bytes == 0) return bytes;
        return 0;
    }

    /// <summary>Packs a panel into zeroed memory.</summary>
    /// <param name="rows">The weights of each channel of the panel, [runs, bytes of a run], zeros behind them up to a multiple of 64; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="packed"><see cref="Bytes"/> bytes.</param>
    public unsafe void Pack(byte* rows, nint rowBytes, byte* packed)
    {
        var (panel, groups) = (Panel, Panel.Capacity / Panel.Shared);
        var sums = Enumerable.Range(0, panel.Capacity).Select(i => panel.SumChannel(i / PanelShape.Lanes, i % PanelShape.Lanes)).ToArray();
        for (var block = 0; block < Blocks; block++, packed += RecordBytes)
        {
            var from = rows + block * BlockBytes;
            var index = packed;
            new Span<byte>(index, IndexBytes).Fill(Nothing);
            for (var group = 0; group < groups; group++)
                for (var quad = 0; quad * 4 < BlockBytes; quad++)
                {
                    // Which two bytes of four: those that a channel of the group needs, else any.
                    var needed = 0;
                    for (var channel = group * panel.Shared; channel < (group + 1) * panel.Shared; channel++)
                        for (var i = 0; i < 4; i++)
                            if (from[channel * rowBytes + quad * 4 + i] != 0) needed |= 1 << i;
                    for (var i = 0; i < 4 && int.PopCount(needed) < 2; i++) needed |= 1 << i;
                    var (first, second) = (int.TrailingZeroCount(needed), int.Log2(needed));
                    var (lane, inLane) = Math.DivRem(quad, 4);
                    // [lane][half of its quads][group of the pair][quad][kept byte]
                    var to = lane * LaneBytes + inLane / 2 * 8 + group % 2 * 4 + inLane % 2 * 2;
                    (index[group / 2 * VectorBytes + to], index[group / 2 * VectorBytes + to + 1]) = ((byte)(inLane * 4 + first), (byte)(inLane * 4 + second));
                }
            var weights = packed + IndexBytes;
            for (var unit = 0; unit < Units; unit++)
                for (var i = 0; i < sums.Length; i++, weights += 4)
                {
                    var group = sums[i] / panel.Shared;
                    var lane = unit / UnitsOfLane;
                    var bytes = index + group / 2 * VectorBytes + unit * 8 + group % 2 * 4;
                    for (var b = 0; b < 4; b++) weights[b] = bytes[b] == Nothing ? (byte)0 : from[sums[i] * rowBytes + lane * LaneBytes + bytes[b]];
                }
        }
    }
}
