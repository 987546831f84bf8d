namespace Pith.Compression.Data;

/// <summary>
/// An 8-bit image in memory: <see cref="Height"/> rows of <see cref="Width"/> pixels, top row first, the channels of a pixel beside
/// each other (HWC). Three channels are R, G, B; one channel is grey. Immutable, so safe to share between threads.
/// </summary>
public sealed class Image
{
    /// <summary>
    /// The largest number of pixels that is decoded unless the caller says otherwise: 2 x 89,478,485, the number from which Pillow too
    /// takes an image for a decompression bomb.
    /// </summary>
    public const long DefaultMaxPixels = 178_956_970;

    /// <summary>Wraps pixels without copying them; the caller must not change them afterwards.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1 (grey) or 3 (R, G, B).</param>
    /// <param name="pixels">Exactly <paramref name="height"/> x <paramref name="width"/> x <paramref name="channels"/> bytes, HWC.</param>
    /// <exception cref="ArgumentException">The sizes are not positive, the channels are not 1 or 3, or the number of bytes differs.</exception>
    public Image(int width, int height, int channels, ReadOnlyMemory<byte> pixels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        if (channels is not (1 or 3)) throw new ArgumentException($"An image has 1 or 3 channels, got {channels}.", nameof(channels));
        if (pixels.Length != (long)width * height * channels)
            throw new ArgumentException($"A {width}x{height} image of {channels} channels has {(long)width * height * channels} bytes, got {pixels.Length}.", nameof(pixels));
        (Width, Height, Channels, Pixels) = (width, height, channels, pixels);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>3 (R, G, B) or 1 (grey).</summary>
    public int Channels { get; }

    /// <summary>The samples, [Height, Width, Channels], row after row without padding.</summary>
    public ReadOnlyMemory<byte> Pixels { get; }
}
