using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// The tiles that cover the pixels of a run's images. The last one of a row, which for flat operands is the batch, overlaps the one before; at the lower edge of an image tiles do the same, or are
/// smaller where the kernel has a smaller tile.
/// </summary>
internal readonly struct Fp32TileGrid
{
    private readonly Fp32ConvOperands _operands;
    private readonly int _rows, _columns, _across, _perImage;

    public Fp32TileGrid(Fp32ConvOperands operands, Fp32ConvKernel kernel, int images)
    {
        _operands = operands;
        (_rows, _columns) = (operands.Image.Rows, operands.Image.Columns * (operands.IsFlat ? images : 1));
        Kernel = kernel;
        _across = EvenParts.Count(_columns, Kernel.Tile.Columns);
        _perImage = _across * EvenParts.Count(_rows, Kernel.Tile.Rows);
        Count = operands.IsFlat ? _perImage : images * _perImage;
    }

    /// <summary>The code for a tile.</summary>
    public Fp32ConvKernel Kernel { get; }

    /// <summary>Tiles of all images.</summary>
    public int Count { get; }

    /// <summary>Whether a tile is one of the smaller ones.</summary>
    public bool IsRest(int tile) => Kernel.RestRows > 0 && tile % _perImage >= _perImage - _across;

    /// <summary>Where a tile's operands are.</summary>
    public TileOffsets Offsets(ContractionLayer layer, int tile)
    {
        var (image, inImage) = Math.DivRem(tile, _perImage);
        var (down, across) = Math.DivRem(inImage, _across);
        nint y = Kernel.RestRows > 0 ? down * Kernel.Tile.Rows : Math.Min(down * Kernel.Tile.Rows, _rows - Kernel.Tile.Rows), x = Math.Min(across * Kernel.Tile.Columns, _columns - Kernel.Tile.Columns);
        var pattern = _operands.Image;
        return new TileOffsets
        {
            Input = image * _operands.InputImage + y * pattern.InputRow + x * pattern.InputColumn,
            Output = image * layer.Output.ImageBytes + y * pattern.OutputRow + x * pattern.OutputColumn,
            Residual = layer.Residual is null ? 0 : image * layer.Residual.ImageBytes + y * pattern.ResidualRow + x * pattern.ResidualColumn,
        };
    }
}
