namespace Pith.Kernels.Jit;

/// <summary>
/// How weights that share 2:4 patterns are packed for AMX tiles: a record for each step of two blocks of 64 bytes of the reduction, of which the panel's channels keep half. It begins with 64 bytes that tell VPSHUFB which
/// bytes of both blocks they keep, in each 128-bit lane eight of the first block and eight of the second; then come the kept weights, [V][16 rows][16 channels][4].
/// </summary>
/// <param name="Panel">The panel, whose channels all share their patterns.</param>
/// <param name="Reduction">What is summed over.</param>
internal readonly record struct SharedTileWeights(PanelShape Panel, ReductionShape Reduction)
{
    /// <summary>Bytes of a block.</summary>
    public const int BlockBytes = ConvAmxEmitter.ChunkBytes;

    /// <summary>Bytes of what a record begins with.</summary>
    public const int IndexBytes = BlockBytes;

    /// <summary>Bytes that one block gives to a 128-bit lane.</summary>
    public const int HalfLane = SharedBlocks.LaneBytes / 2;

    /// <summary>Blocks of all runs; the last of a run may end beyond it.</summary>
    public int Blocks => Reduction.Runs * BlocksPerRun;

    public int Steps => (Blocks + 1) / 2;

    public int RecordBytes => IndexBytes + Panel.Vectors * TileUnit.TileBytes;

    /// <summary>Bytes of a panel.</summary>
    public nint Bytes => (nint)Steps * RecordBytes;

    private int BlocksPerRun => (Reduction.RunBytes + BlockBytes - 1) / BlockBytes;

    /// <summary>Packs a panel into zeroed memory.</summary>
    /// <param name="channels">The panel's channel at each lane of each vector.</param>
    /// <param name="rows">The weights of each channel of the panel, [runs, bytes of a run]; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">Bytes of a row.</param>
    /// <param name="packed"><see cref="Bytes"/> bytes.</param>
    public unsafe void Pack(int[] channels, byte* rows, nint rowBytes, byte* packed)
    {
        for (var block = 0; block < Blocks; block++)
        {
            var record = packed + (nint)(block / 2) * RecordBytes;
            var (run, inRun) = Math.DivRem(block, BlocksPerRun);
            var quads = Math.Min(BlockBytes, Reduction.RunBytes - inRun * BlockBytes) / 4;
            var from = rows + (nint)run * Reduction.RunBytes + inRun * BlockBytes;
            for (var quad = 0; quad < quads; quad++)
            {
                var (first, second) = SharedBlocks.Kept(from + quad * 4, rowBytes, Panel.Capacity);
                // Where the two kept bytes come to lie: four quads of each block in a lane.
                var at = quad / 4 * SharedBlocks.LaneBytes + block % 2 * HalfLane + quad % 4 * 2;
                (record[at], record[at + 1]) = ((byte)(quad % 4 * 4 + first), (byte)(quad % 4 * 4 + second));
                for (var i = 0; i < channels.Length; i++)
                {
                    var weights = from + channels[i] * rowBytes + quad * 4;
                    var to = record + IndexBytes + i / PanelShape.Lanes * TileUnit.TileBytes + at / 4 * TileUnit.RowBytes + i % PanelShape.Lanes * 4 + at % 4;
                    (to[0], to[1]) = (weights[first], weights[second]);
                }
            }
        }
    }
}
