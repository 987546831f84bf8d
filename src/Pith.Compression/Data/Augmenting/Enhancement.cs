namespace Pith.Compression.Data;

/// <summary>Changes by a factor: 1 gives the image itself, 0 black, grey or blurred pixels, and other factors lie on the line through both. The pixels are those of Pillow's ImageEnhance.</summary>
internal static class Enhancement
{
    /// <summary>Between black and the image.</summary>
    public static Image Brightness(Image image, float factor) => ToneCurve.Map(image, value => Blend(0, value, factor));

    /// <summary>Between the mean grey and the image.</summary>
    public static Image Contrast(Image image, float factor)
    {
        long sum = 0;
        foreach (var value in PixelChannels.Convert(image, 1).Pixels.Span) sum += value;
        var mean = (byte)((double)sum / (image.Width * image.Height) + 0.5);
        return ToneCurve.Map(image, value => Blend(mean, value, factor));
    }

    /// <summary>Between the grey image and the image.</summary>
    public static Image Saturation(Image image, float factor)
    {
        if (image.Channels == 1) return image;
        var pixels = image.Pixels.Span;
        var grey = PixelChannels.Convert(image, 1).Pixels.Span;
        var changed = GC.AllocateUninitializedArray<byte>(pixels.Length);
        for (var i = 0; i < grey.Length; i++)
            for (var at = 3 * i; at < 3 * i + 3; at++) changed[at] = Blend(grey[i], pixels[at], factor);
        return new Image(image.Width, image.Height, 3, changed);
    }

    /// <summary>Between the image smoothed by a 3x3 filter (weight 5 for a pixel, 1 for its neighbours) and the image. Pixels at the edge stay.</summary>
    public static Image Sharpness(Image image, float factor)
    {
        var pixels = image.Pixels.Span;
        var (stride, channels) = (image.Width * image.Channels, image.Channels);
        var changed = pixels.ToArray();
        for (var y = 1; y < image.Height - 1; y++)
            for (var at = y * stride + channels; at < (y + 1) * stride - channels; at++)
            {
                var (above, row, below) = (at - stride, at, at + stride);
                var sum = pixels[above - channels] + pixels[above] + pixels[above + channels] + pixels[row - channels] + 5 * pixels[row] + pixels[row + channels]
                    + pixels[below - channels] + pixels[below] + pixels[below + channels];
                // sum / 13, rounded; there are no ties, because 13 is odd.
                changed[at] = Blend((byte)((2 * sum + 13) / 26), pixels[at], factor);
            }
        return new Image(image.Width, image.Height, channels, changed);
    }

    /// <summary>The point on the line from one value to another, truncated to 0 to 255.</summary>
    private static byte Blend(byte from, byte to, float factor) => from + factor * (to - from) is var value && value <= 0 ? (byte)0 : value >= 255 ? (byte)255 : (byte)value;
}
