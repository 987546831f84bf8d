namespace Pith.Compression.Data;

/// <summary>The orientation tag of EXIF and TIFF (274): how the stored picture must be rotated and mirrored for display.</summary>
internal static class ExifOrientation
{
    /// <summary>As stored.</summary>
    public const int None = 1;

    private const int Tag = 274;

    /// <summary>The orientation in an EXIF block, which has the structure of a TIFF file; <see cref="None"/> when it has none or cannot be read, as with Pillow.</summary>
    /// <param name="exif">From the byte order mark, II or MM, on; "Exif\0\0" before it is skipped.</param>
    public static int Of(ReadOnlyMemory<byte> exif)
    {
        if (exif.Span.StartsWith("Exif\0\0"u8)) exif = exif[6..];
        return TiffDirectory.TryRead(exif, out _) is { } directory ? Of(directory) : None;
    }

    /// <summary>The orientation that the first directory of a TIFF structure gives; <see cref="None"/> when it gives none that makes sense.</summary>
    public static int Of(TiffDirectory directory) => directory.Number(Tag) is >= 1 and <= 8 and var orientation ? (int)orientation : None;

    /// <summary>Whether width and height change places.</summary>
    public static bool IsTurned(int orientation) => orientation >= 5;

    /// <summary>Rotates and mirrors an image.</summary>
    /// <param name="image">As stored.</param>
    /// <param name="orientation">1 to 8.</param>
    public static Image Apply(Image image, int orientation)
    {
        if (orientation == None) return image;
        var (w, h, channels) = (image.Width, image.Height, image.Channels);
        var (width, height) = IsTurned(orientation) ? (h, w) : (w, h);
        var from = image.Pixels.Span;
        var to = new byte[from.Length];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
            {
                var (column, row) = orientation switch
                {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                from.Slice((row * w + column) * channels, channels).CopyTo(to.AsSpan((y * width + x) * channels, channels));
            }
        return new Image(width, height, channels, to);
    }
}
