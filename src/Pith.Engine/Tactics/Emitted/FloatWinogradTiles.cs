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

    /// <param name="layer">The layer.</param>
    /// <param name="operands">Its operands.</param>
    /// <param name="outputs">Rows and columns of a tile; images are not smaller.</param>
    public FloatWinogradTiles(ContractionLayer layer, ConvOperands operands, int outputs)
    {
        (_layer, _operands, _outputs) = (layer, operands, outputs);
        (_down, _across) = (EvenParts.Count(operands.Image.Rows, outputs), EvenParts.Count(operands.Image.Columns, outputs));
        int rows = _down * outputs - operands.Image.Rows, columns = _across * outputs - operands.Image.Columns;
        Overlaps = [(0, 0), (0, columns), (rows, 0), (rows, columns)];
    }

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

    /// <summary>Where a tile's window starts.</summary>
    public BlockOffsets Input(int tile)
    {
        var (image, row, column) = Locate(tile);
        return new BlockOffsets { Input = image * _operands.ImageBytes + row * _operands.RowBytes + column * _operands.PixelBytes };
    }

    /// <summary>Where its window starts in the images themselves, if it lies in one of them; else null. Vectors of channels may reach into the next pixel, but not beyond an image.</summary>
    public nint? Inside(int tile)
    {
        var (image, top, left) = Locate(tile);
        var (row, column, size, input) = ((int)top - _layer.Window.PadTop, (int)left - _layer.Window.PadLeft, _outputs + WinogradPoints.Window - 1, _layer.Input);
        var isLast = row + size == input.Height && column + size == input.Width && _layer.Channels % PanelShape.Lanes != 0;
        return row < 0 || column < 0 || row + size > input.Height || column + size > input.Width || isLast ? null : image * input.ImageBytes + row * input.RowBytes + column * (nint)input.PixelBytes;
    }

    /// <summary>The image of a tile, and the row and column where its window starts, which may lie outside.</summary>
    public (int Image, int Row, int Column) Window(int tile)
    {
        var (image, top, left) = Locate(tile);
        return ((int)image, (int)top - _layer.Window.PadTop, (int)left - _layer.Window.PadLeft);
    }

    /// <summary>Where its results and residuals are.</summary>
    public BlockOffsets Output(int tile)
    {
        var (image, row, column) = Locate(tile);
        return new BlockOffsets { Output = _layer.Output.PixelOffset(image, row, column), Residual = _layer.Residual?.PixelOffset(image, row, column) ?? 0 };
    }

    private (nint Image, nint Row, nint Column) Locate(int tile)
    {
        var (image, inImage) = Math.DivRem(tile, _down * _across);
        var (down, across) = Math.DivRem(inImage, _across);
        return (image, Math.Min(down * _outputs, _operands.Image.Rows - _outputs), Math.Min(across * _outputs, _operands.Image.Columns - _outputs));
    }
}
