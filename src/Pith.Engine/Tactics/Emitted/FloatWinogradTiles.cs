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
