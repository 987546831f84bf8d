namespace Pith.Compression.Data;

/// <summary>Changes that map each 8-bit value to another one, whatever its neighbours. The pixels are those of Pillow's ImageOps.</summary>
internal static class ToneCurve
{
    /// <summary>Applies one function to the values of all channels.</summary>
    public static Image Map(Image image, Func<byte, byte> curve)
    {
        var table = new byte[256];
        for (var value = 0; value < 256; value++) table[value] = curve((byte)value);
        var pixels = image.Pixels.Span;
        var mapped = GC.AllocateUninitializedArray<byte>(pixels.Length);
        for (var i = 0; i < mapped.Length; i++) mapped[i] = table[pixels[i]];
        return new Image(image.Width, image.Height, image.Channels, mapped);
    }

    /// <summary>Keeps the highest <paramref name="bits"/> bits of each value.</summary>
    public static Image Posterize(Image image, int bits) => Map(image, value => (byte)(value & (0xFF << (8 - bits))));

    /// <summary>Inverts values from <paramref name="threshold"/> on.</summary>
    public static Image Solarize(Image image, double threshold) => Map(image, value => value < threshold ? value : (byte)(255 - value));

    /// <summary>Stretches each channel to 0 to 255.</summary>
    public static Image AutoContrast(Image image) => MapChannels(image, histogram =>
    {
        var (low, high) = (Array.FindIndex(histogram, count => count > 0), Array.FindLastIndex(histogram, count => count > 0));
        if (high <= low) return null;
        var scale = 255.0 / (high - low);
        var offset = -low * scale;
        return value => (byte)Math.Clamp((int)(value * scale + offset), 0, 255);
    });

    /// <summary>Makes the histogram of each channel as even as it can be.</summary>
    public static Image Equalize(Image image) => MapChannels(image, histogram =>
    {
        var last = Array.FindLastIndex(histogram, count => count > 0);
        var step = (histogram.Sum() - histogram[last]) / 255;
        if (step == 0) return null;
        var table = new byte[256];
        var below = step / 2;
        for (var value = 0; value < 256; value++)
        {
            table[value] = (byte)Math.Min(255, below / step);
            below += histogram[value];
        }
        return value => table[value];
    });

    /// <summary>Applies to each channel the function that its histogram gives; null leaves it as it is.</summary>
    private static Image MapChannels(Image image, Func<int[], Func<byte, byte>?> choose)
    {
        var pixels = image.Pixels.Span;
        var mapped = pixels.ToArray();
        var table = new byte[256];
        for (var channel = 0; channel < image.Channels; channel++)
        {
            var histogram = new int[256];
            for (var i = channel; i < pixels.Length; i += image.Channels) histogram[pixels[i]]++;
            if (choose(histogram) is not { } curve) continue;
            for (var value = 0; value < 256; value++) table[value] = curve((byte)value);
            for (var i = channel; i < pixels.Length; i += image.Channels) mapped[i] = table[pixels[i]];
        }
        return new Image(image.Width, image.Height, image.Channels, mapped);
    }
}
