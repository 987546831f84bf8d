namespace Pith.Kernels.Simd;

/// <summary>Transposes matrices of 32-bit elements.</summary>
internal static unsafe class TransposedCopy
{
    // A tile of 16 cache lines on either side.
    private const int Tile = 16;

    /// <summary>Writes rows [<paramref name="begin"/>, <paramref name="end"/>) of the transpose [columns, rows] of <paramref name="from"/> [rows, columns].</summary>
    public static void Run(uint* from, uint* to, int rows, int columns, int begin, int end)
    {
        for (var row = 0; row < rows; row += Tile)
            for (var column = begin; column < end; column += Tile)
                CopyTile(from, to, rows, columns, row, Math.Min(row + Tile, rows), column, Math.Min(column + Tile, end));
    }

    private static void CopyTile(uint* from, uint* to, int rows, int columns, int rowBegin, int rowEnd, int columnBegin, int columnEnd)
    {
        for (var column = columnBegin; column < columnEnd; column++)
        {
            var source = from + (nint)rowBegin * columns + column;
            var destination = to + (nint)column * rows;
            for (var row = rowBegin; row < rowEnd; row++, source += columns) destination[row] = *source;
        }
    }
}
