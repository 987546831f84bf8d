namespace Pith.Compression.Data;

/// <summary>
/// Decodes JPEG (baseline, progressive, greyscale, CMYK/YCCK) and PNG files to RGB. The pixels are those that Pillow's
/// <c>Image.open(file).convert("RGB")</c> gives: accurate integer DCT, smooth chroma upsampling, alpha dropped, no colour management,
/// EXIF orientation not applied. Thread-safe.
/// </summary>
public static class ImageDecoder
{
    /// <summary>Decodes the bytes of one file to a three-channel image.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="sourceName">What messages call the file: its path, or its name inside an archive.</param>
    /// <param name="maxPixels">The largest width x height that is accepted; a larger image is refused before memory is taken for it.</param>
    /// <exception cref="PithException">The bytes are no JPEG or PNG file, are damaged or cut short, or hold too large an image; or
    /// libturbojpeg is not installed.</exception>
    public static Image Decode(ReadOnlySpan<byte> bytes, string sourceName, long maxPixels = Image.DefaultMaxPixels)
    {
        ArgumentNullException.ThrowIfNull(sourceName);
        if (bytes.StartsWith(JpegHeader.Signature)) return JpegDecoder.Decode(bytes, sourceName, maxPixels);
        if (bytes.StartsWith(PngHeader.Signature)) return PngDecoder.Decode(bytes, sourceName, maxPixels);
        throw new PithException(bytes.IsEmpty
            ? $"Image '{sourceName}' is empty."
            : $"Image '{sourceName}' is neither JPEG nor PNG: expected its first bytes to be FF D8 FF or 89 50 4E 47, got {Convert.ToHexString(bytes[..Math.Min(4, bytes.Length)])}. Convert it to one of the two.");
    }

    /// <summary>Reads and decodes one file.</summary>
    /// <param name="path">The file; messages name it.</param>
    /// <param name="maxPixels">As in <see cref="Decode"/>.</param>
    /// <exception cref="PithException">As in <see cref="Decode"/>, or the file cannot be read.</exception>
    public static Image DecodeFile(string path, long maxPixels = Image.DefaultMaxPixels) =>
        Decode(DataFile.ReadAllBytes(path), path, maxPixels);

    /// <summary>Refuses an image that is empty or larger than <paramref name="maxPixels"/>.</summary>
    internal static void CheckSize(long width, long height, string sourceName, long maxPixels)
    {
        // Three bytes a pixel must also fit one array.
        var limit = Math.Min(maxPixels, Array.MaxLength / 3);
        if (width <= 0 || height <= 0)
            throw new PithException($"Image '{sourceName}' claims {width}x{height} pixels: expected at least 1x1. The file is damaged.");
        if (width * height > limit)
            throw new PithException($"Image '{sourceName}' claims {width}x{height} pixels: expected at most {limit} in all. Make it smaller, or raise the limit if it is genuine.");
    }
}
