using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>Where the pixels of images lie that may have a border: numbers count pixels, from the first one inside. The default is dense.</summary>
internal readonly struct PixelGrid
{
    private readonly nint _height;
    private readonly nint _width;
    private readonly nint _rowPixels;
    private readonly nint _imagePixels;

    public PixelGrid(Slot slot)
    {
        if (slot.Border.IsEmpty) return;
        (_height, _width) = (slot.Height, slot.Width);
        (_rowPixels, _imagePixels) = (slot.RowBytes / slot.PixelBytes, slot.ImageBytes / slot.PixelBytes);
    }

    /// <summary>The pixels from <paramref name="pixel"/> on that lie next to each other.</summary>
    public nint Run(nint pixel) => _width == 0 ? nint.MaxValue : _width - pixel % _width;

    /// <summary>Where a pixel lies that is number <paramref name="pixel"/> when borders are not counted.</summary>
    public nint At(nint pixel)
    {
        if (_width == 0) return pixel;
        var (row, column) = Math.DivRem(pixel, _width);
        var (image, inImage) = Math.DivRem(row, _height);
        return image * _imagePixels + inImage * _rowPixels + column;
    }
}
