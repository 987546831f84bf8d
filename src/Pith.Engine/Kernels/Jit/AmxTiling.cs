namespace Pith.Kernels.Jit;

/// <summary>
/// How the pixels that an AMX kernel computes at once lie in its tiles. The rows of a tile are pixels at equal distances: parts of image rows or, where these are short, a stretch of the input with
/// its border, some of whose "pixels" are border and are not stored.
/// </summary>
internal sealed class AmxTiling
{
    // Image rows up to this many pixels waste more than a stretch with border does.
    private const int ShortRow = 8;

    private readonly PixelBlock _pattern;
    private readonly int _perRow;
    private readonly int _pitch;

    public AmxTiling(PixelBlock pattern)
    {
        _pattern = pattern;
        _pitch = Stretch(pattern);
        if (_pitch > 0)
        {
            var positions = (pattern.Rows - 1) * _pitch + pattern.Columns;
            Count = (positions + TileUnit.Rows - 1) / TileUnit.Rows;
            Rows = Math.Min(TileUnit.Rows, positions);
            // The last overlaps the one before, so that nothing beyond the image is read.
            Offsets = [.. Enumerable.Range(0, Count).Select(tile => First(tile, positions) * pattern.InputColumn)];
        }
        else
        {
            _perRow = (pattern.Columns + TileUnit.Rows - 1) / TileUnit.Rows;
            Rows = (pattern.Columns + _perRow - 1) / _perRow;
            Count = pattern.Rows * _perRow;
            Offsets = [.. Enumerable.Range(0, Count).Select(tile => tile / _perRow * pattern.InputRow + FirstColumn(tile % _perRow) * pattern.InputColumn)];
        }
    }

    /// <summary>Tiles of pixels.</summary>
    public int Count { get; }

    /// <summary>Pixels of each tile.</summary>
    public int Rows { get; }

    /// <summary>Bytes from the first pixel's window to that of each tile's first.</summary>
    public int[] Offsets { get; }

    /// <summary>The tile and row of a pixel of the pattern.</summary>
    public (int Tile, int Row) Locate(int pixel)
    {
        var (row, column) = Math.DivRem(pixel, _pattern.Columns);
        if (_pitch == 0) return (row * _perRow + column / Rows, column - FirstColumn(column / Rows));
        var position = row * _pitch + column;
        var tile = position / TileUnit.Rows;
        return (tile, position - First(tile, (_pattern.Rows - 1) * _pitch + _pattern.Columns));
    }

    /// <summary>The largest pattern of an image that takes at most this many tiles.</summary>
    public static PixelBlock Largest(PixelBlock image, int tiles)
    {
        if (Stretch(image) is var pitch && pitch > 0 && (image.Rows - 1) * pitch + image.Columns <= tiles * TileUnit.Rows) return image;
        var columns = EvenParts.Length(image.Columns, TileUnit.Rows);
        var best = (Cost: long.MaxValue, Rows: 1, Columns: columns);
        for (var across = 1; across <= tiles; across++)
            for (var down = 1; across * down <= tiles; down++)
            {
                var (rows, width) = (EvenParts.Length(image.Rows, down), Math.Min(image.Columns, columns * across));
                long cost = (long)EvenParts.Count(image.Rows, rows) * EvenParts.Count(image.Columns, width) * rows * EvenParts.Count(width, TileUnit.Rows);
                // Of equal ones the larger: fewer loads for each product.
                if (cost < best.Cost || (cost == best.Cost && rows * width > best.Rows * best.Columns)) best = (cost, rows, width);
            }
        return image with { Rows = best.Rows, Columns = best.Columns };
    }

    // The last tile of a row overlaps the one before.
    private int FirstColumn(int tile) => Math.Min(tile * Rows, _pattern.Columns - Rows);

    // Pixels from row to row of the input where windows move by one pixel in both directions, so that rows of outputs follow each other at equal distances too; 0 where that does not pay.
    private static int Stretch(PixelBlock pattern) =>
        pattern.Rows > 1 && pattern.Columns <= ShortRow && pattern.InputColumn > 0 && pattern.InputRow % pattern.InputColumn == 0 && pattern.InputRow / pattern.InputColumn is var pitch
        && pitch >= pattern.Columns && pitch * 2 <= pattern.Columns * 3 && (pattern.Rows - 1) * pitch + pattern.Columns <= 4 * TileUnit.Rows ? pitch : 0;

    private static int First(int tile, int positions) => Math.Min(tile * TileUnit.Rows, Math.Max(0, positions - TileUnit.Rows));
}
