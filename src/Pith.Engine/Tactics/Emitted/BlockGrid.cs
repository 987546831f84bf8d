using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The blocks that cover images. The last ones of rows and columns overlap those before them, so that all are full.</summary>
/// <param name="operands">The operands.</param>
/// <param name="image">All pixels of an image.</param>
/// <param name="block">Those of a block.</param>
internal readonly struct BlockGrid(ConvOperands operands, PixelBlock image, PixelBlock block)
{
    private readonly int _across = EvenParts.Count(image.Columns, block.Columns);

    /// <summary>Blocks of an image.</summary>
    public int PerImage => _across * EvenParts.Count(image.Rows, block.Rows);

    /// <summary>Where the operands of a block are, counted over all images.</summary>
    public BlockOffsets this[long index]
    {
        get
        {
            var (at, inImage) = Math.DivRem(index, PerImage);
            var (down, across) = Math.DivRem((int)inImage, _across);
            return At(at, Math.Min(down * block.Rows, image.Rows - block.Rows), Math.Min(across * block.Columns, image.Columns - block.Columns));
        }
    }

    /// <summary>The same of the block that begins at a pixel.</summary>
    public BlockOffsets At(long at, nint row, nint column) => new()
    {
        Input = (nint)at * operands.ImageBytes + row * image.InputRow + column * image.InputColumn,
        Output = (nint)at * operands.OutputImage + row * image.OutputRow + column * image.OutputColumn,
        Residual = (nint)at * operands.ResidualImage + row * image.ResidualRow + column * image.ResidualColumn,
    };
}
