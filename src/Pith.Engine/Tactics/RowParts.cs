using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>Cuts images into parts of some rows: some microseconds of work each.</summary>
/// <param name="output">An image, or several.</param>
internal readonly struct RowParts(Slot output)
{
    private const int PartPixels = 2048;

    private readonly int _rows = EvenParts.Length(output.Height, Math.Clamp(PartPixels / output.Width, 1, output.Height));

    private int PerImage => EvenParts.Count(output.Height, _rows);

    /// <summary>Parts of a batch.</summary>
    public int Count(int batch) => output.Shape.Size(0, batch) * PerImage;

    /// <summary>The rows of a part, all of one image.</summary>
    public (int Image, int First, int End) Range(int part)
    {
        var (image, band) = Math.DivRem(part, PerImage);
        return (image, band * _rows, Math.Min(output.Height, (band + 1) * _rows));
    }
}
