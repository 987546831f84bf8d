namespace Pith.Compression.Data;

/// <summary>Decodes JPEG through libturbojpeg, with the settings under which its output equals Pillow's.</summary>
internal static class JpegDecoder
{
    /// <summary>
    /// Each scan visits every block, so that a tiny progressive file with hundreds of scans could keep a core busy for minutes. Genuine
    /// progressive files have about 10 scans; a file may cost as much as the largest permitted image with this many.
    /// </summary>
    private const int MaxScansOfLargestImage = 16;

    public static Image Decode(ReadOnlySpan<byte> jpeg, string sourceName, long maxPixels)
    {
        var header = JpegHeader.Read(jpeg, sourceName);
        ImageDecoder.CheckSize(header.Width, header.Height, sourceName, maxPixels);
        if (header.Components is not (1 or 3 or 4))
            throw new PithException($"JPEG '{sourceName}' has {header.Components} colour components: expected 1 (grey), 3 (colour) or 4 (CMYK). Convert it to RGB.");
        if ((long)header.Scans * header.Width * header.Height > MaxScansOfLargestImage * maxPixels)
            throw new PithException($"JPEG '{sourceName}' has {header.Scans} scans of {header.Width}x{header.Height} pixels, more than {MaxScansOfLargestImage} of the largest permitted image. Save it again as baseline JPEG.");
        if (!header.IsComplete)
            throw new PithException($"JPEG '{sourceName}' is cut short: its {jpeg.Length} bytes hold no end-of-image marker. Fetch or export it again.");

        var rgb = new byte[header.Width * header.Height * 3];
        if (header.Components == 4) CmykToRgb(DecodeTo(TurboJpeg.PixelFormat.Cmyk, 4, jpeg, header, sourceName), rgb);
        else TurboJpeg.Decompress(jpeg, rgb, header.Width, header.Height, TurboJpeg.PixelFormat.Rgb, sourceName);
        return new Image(header.Width, header.Height, 3, rgb);
    }

    private static byte[] DecodeTo(TurboJpeg.PixelFormat format, int bytesPerPixel, ReadOnlySpan<byte> jpeg, JpegHeader header, string sourceName)
    {
        var pixels = new byte[checked(header.Width * header.Height * bytesPerPixel)];
        TurboJpeg.Decompress(jpeg, pixels, header.Width, header.Height, format, sourceName);
        return pixels;
    }

    /// <summary>
    /// Programs that write CMYK JPEG follow Adobe: 255 means no ink. So with K the stored (inverted) black and C, M, Y the stored inks,
    /// R = K - K (255 - C) / 255, rounded as Pillow rounds it.
    /// </summary>
    private static void CmykToRgb(ReadOnlySpan<byte> cmyk, Span<byte> rgb)
    {
        for (int from = 0, to = 0; from < cmyk.Length; from += 4, to += 3)
        {
            int white = cmyk[from + 3];
            for (var c = 0; c < 3; c++) rgb[to + c] = (byte)(white - DivideBy255((255 - cmyk[from + c]) * white));
        }
    }

    /// <summary>x / 255 rounded to nearest, exact for 0 to 255 x 255.</summary>
    private static int DivideBy255(int x) => (x + 128 + ((x + 128) >> 8)) >> 8;
}
