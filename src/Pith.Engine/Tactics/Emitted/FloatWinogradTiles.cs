using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The square tiles that cover the images of a run. The last ones of rows and columns lie within the image too: they overlap those before them, and write only what these do not.</summary>
internal sealed class FloatWinogradTiles
{
    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly int _outputs, _down, _across;

    // Index into Edges, by the tile of an image.
    private readonly int[] _edges;

    /// <param name="layer">The layer.</param>
    /// <param name="operands">Its operands.</param>
    /// <param name="outputs">Rows and columns of a tile; images are not smaller.</param>
    public FloatWinogradTiles(ContractionLayer layer, ConvOperands operands, int outputs)
    {
        (_layer, _operands, _outputs) = (layer, operands, outputs);
        (_down, _across) = (EvenParts.Count(operands.Image.Rows, outputs), EvenParts.Count(operands.Image.Columns, outputs));
        int rows = _down * outputs - operands.Image.Rows, columns = _across * outputs - operands.Image.Columns;
        Overlaps = [(0, 0), (0, columns), (rows, 0), (rows, columns)];
        var (input, size) = (layer.Input, outputs + WinogradPoints.Window - 1);
        // Padding that lies in memory is read like pixels.
        var edges = Enumerable.Range(0, _down * _across).Select(Window).Select(tile => operands.NeedsCopy ? TileEdges.Of(tile.Row, tile.Column, size, input.Height, input.Width) : default).ToArray();
        Edges = [.. edges.Distinct()];
        _edges = [.. edges.Select(edge => Array.IndexOf(Edges, edge))];
    }

    /// <summary>The distinct edges of tiles; each needs its own input code.</summary>
    public TileEdges[] Edges { get; }

    /// <summary>Rows and columns at the start of a tile that other tiles write, for tiles inside, at the right edge, at the lower edge, and in the corner.</summary>
    public (int Rows, int Columns)[] Overlaps { get; }

    /// <summary>Tiles of all images.</summary>
    public int Count(int batch) => _layer.Images(batch) * _down * _across;

    /// <summary>Which of the overlaps a tile has.</summary>
    public int OverlapOf(int tile)
    {
        var (down, across) = Math.DivRem(tile % (_down * _across), _across);
        return (down == _down - 1 ? 2 : 0) + (across == _across - 1 ? 1 : 0);
    }

    /// <summary>Which of the <see cref="Edges"/> a tile has.</summary>
    public int EdgesOf(int tile) => _edges[tile % _edges.Length];

    /// <summary>Where a tile's window starts, in bytes from the first pixel of the first image; outside an image it is not read.</summary>
    public nint Input(int tile)
    {
        var (image, row, column) = Window(tile);
        return _layer.Input.PixelOffset(image, row, column);
    }

    /// <summary>Where its results and residuals are.</summary>
    public BlockOffsets Output(int tile)
    {
        var (image, row, column) = Locate(tile);
        return new BlockOffsets { Output = _layer.Output.PixelOffset(image, row, column), Residual = _layer.Residual?.PixelOffset(image, row, column) ?? 0 };
    }

    private (int Image, int Row, int Column) Window(int tile)
    {
        var (image, top, left) = Locate(tile);
        return ((int)image, (int)top - _layer.Window.PadTop, (int)left - _layer.Window.PadLeft);
    }

    private (nint Image, nint Row, nint Column) Locate(int tile)
    {
        var (image, inImage) = Math.DivRem(tile, _down * _across);
        var (down, across) = Math.DivRem(inImage, _across);
        return (image, Math.Min(down * _outputs, _operands.Image.Rows - _outputs), Math.Min(across * _outputs, _operands.Image.Columns - _outputs));
    }
}
