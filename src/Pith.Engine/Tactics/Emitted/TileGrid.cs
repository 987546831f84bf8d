using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The tiles that cover images. The last ones of rows and columns overlap those before them, so that all are full.</summary>
/// <param name="operands">The operands.</param>
/// <param name="image">All pixels of an image.</param>
/// <param name="tile">Those of a tile.</param>
internal readonly struct TileGrid(ConvOperands operands, TilePattern image, TilePattern tile)
{
    private readonly int _across = EvenParts.Count(image.Columns, tile.Columns);

    /// <summary>Tiles of an image.</summary>
    public int PerImage => _across * EvenParts.Count(image.Rows, tile.Rows);

    /// <summary>Where the operands of a tile are, counted over all images.</summary>
    public TileOffsets this[long index]
    {
        get
        {
            var (at, inImage) = Math.DivRem(index, PerImage);
            var (down, across) = Math.DivRem((int)inImage, _across);
            return At(at, Math.Min(down * tile.Rows, image.Rows - tile.Rows), Math.Min(across * tile.Columns, image.Columns - tile.Columns));
        }
    }

    /// <summary>The same of the tile that begins at a pixel.</summary>
    public TileOffsets At(long at, nint row, nint column) => new()
    {
        Input = (nint)at * operands.ImageBytes + row * image.InputRow + column * image.InputColumn,
        Output = (nint)at * operands.OutputImage + row * image.OutputRow + column * image.OutputColumn,
        Residual = (nint)at * operands.ResidualImage + row * image.ResidualRow + column * image.ResidualColumn,
    };
}
