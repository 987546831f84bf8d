namespace Pith.Compression.Data;

/// <summary>Converts between grey and R, G, B pixels as Pillow does.</summary>
internal static class PixelChannels
{
    public static Image Convert(Image image, int channels) =>
        image.Channels == channels ? image
        : new Image(image.Width, image.Height, channels, channels == 3 ? Replicate(image.Pixels.Span) : Luma(image.Pixels.Span));

    private static byte[] Replicate(ReadOnlySpan<byte> grey)
    {
        var rgb = new byte[grey.Length * 3];
        for (var i = 0; i < grey.Length; i++) rgb.AsSpan(3 * i, 3).Fill(grey[i]);
        return rgb;
    }

    /// <summary>ITU-R BT.601 luma: 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point, rounded to nearest.</summary>
    private static byte[] Luma(ReadOnlySpan<byte> rgb)
    {
        var grey = new byte[rgb.Length / 3];
        for (var i = 0; i < grey.Length; i++)
            grey[i] = (byte)((rgb[3 * i] * 19595 + rgb[3 * i + 1] * 38470 + rgb[3 * i + 2] * 7471 + 0x8000) >> 16);
        return grey;
    }
}
