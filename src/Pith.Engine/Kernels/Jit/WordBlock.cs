namespace Pith.Kernels.Jit;

/// <summary>
/// A block's input as 16-bit words in scratch memory, [rows of the window][rows of the block][segments]. Windows that lie side by side or overlap share one segment, in which bytes keep their
/// order; others, those of strided or grouped layers, get one for each run and pixel.
/// </summary>
internal sealed class WordBlock
{
    private const int WordBytes = 2, ChunkBytes = 16;

    private readonly PixelBlock _block;
    private readonly ReductionShape _reduction;
    private readonly bool _isDense;

    public WordBlock(PixelBlock block, ReductionShape reduction)
    {
        (_block, _reduction) = (block, reduction);
        int[] runs = [.. from column in Enumerable.Range(0, reduction.Columns) from pixel in Enumerable.Range(0, block.Columns) select pixel * block.InputColumn + column * reduction.ColumnBytes];
        int[] sorted = [.. runs.Order()];
        _isDense = sorted.Zip(sorted.Skip(1), (a, b) => b - a <= reduction.RunBytes).All(adjacent => adjacent);
        Segments = _isDense ? [0] : runs;
        var bytes = _isDense ? sorted[^1] + reduction.RunBytes : reduction.RunBytes;
        Chunks = (bytes + ChunkBytes - 1) / ChunkBytes;
    }

    /// <summary>Where each segment of a row begins, in bytes of the input from the row's first window.</summary>
    public IReadOnlyList<int> Segments { get; }

    /// <summary>Sixteens of bytes of a segment.</summary>
    public int Chunks { get; }

    /// <summary>Bytes of a segment as words.</summary>
    public int SegmentBytes => Chunks * ChunkBytes * WordBytes;

    /// <summary>Bytes of the block as words.</summary>
    public int Bytes => _reduction.Rows * Reduction.RowBytes;

    /// <summary>What a pixel sums over, as it lies in scratch.</summary>
    public ReductionShape Reduction => new(
        _reduction.Rows, _block.Rows * Segments.Count * SegmentBytes, _reduction.Columns, _isDense ? _reduction.ColumnBytes * WordBytes : _block.Columns * SegmentBytes, _reduction.RunBytes * WordBytes);

    /// <summary>Bytes from the first pixel's window to that of another, in scratch.</summary>
    public int Input(int pixel)
    {
        var (row, column) = Math.DivRem(pixel, _block.Columns);
        return row * Segments.Count * SegmentBytes + column * (_isDense ? _block.InputColumn * WordBytes : SegmentBytes);
    }
}
