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

    // Computed once: a layer of some microseconds has hundreds of tiles.
    private readonly nint _outputImage, _residualImage;
    private readonly TilePattern _pattern;

    public Fp32TileGrid(ContractionLayer layer, Fp32ConvOperands operands, Fp32ConvKernel kernel, int images)
    {
        (_operands, _pattern, _outputImage, _residualImage) = (operands, operands.Image, layer.Output.ImageBytes, layer.Residual?.ImageBytes ?? 0);
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
    public TileOffsets Offsets(int tile)
    {
        var (image, inImage) = Math.DivRem(tile, _perImage);
        var (down, across) = Math.DivRem(inImage, _across);
        nint y = Kernel.RestRows > 0 ? down * Kernel.Tile.Rows : Math.Min(down * Kernel.Tile.Rows, _rows - Kernel.Tile.Rows), x = Math.Min(across * Kernel.Tile.Columns, _columns - Kernel.Tile.Columns);
        return new TileOffsets
        {
            Input = image * _operands.InputImage + y * _pattern.InputRow + x * _pattern.InputColumn,
            Output = image * _outputImage + y * _pattern.OutputRow + x * _pattern.OutputColumn,
            Residual = image * _residualImage + y * _pattern.ResidualRow + x * _pattern.ResidualColumn,
        };
    }
}
