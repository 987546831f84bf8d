namespace Pith.Compression.Data;

/// <summary>
/// Decodes image files to RGB: JPEG (baseline, progressive, arithmetic, grey, CMYK/YCCK), PNG, BMP, GIF (the first frame), TIFF (the first page) and WebP (still images). The pixels are those that
/// Pillow's <c>Image.open(file).convert("RGB")</c> gives: for JPEG accurate integer DCT and smooth chroma upsampling; palette and grey spread to RGB; alpha dropped, so that the colours under
/// transparent pixels stay; no colour management; EXIF orientation not applied unless asked for. 16-bit samples keep their high byte (Pillow clips 16-bit grey at 255 instead).
/// The format is recognized by the content, not by the name. Thread-safe.
/// </summary>
public static class ImageDecoder
{
    private static readonly ImageDecodingOptions s_defaults = new();

    /// <summary>Decodes the bytes of one file to a three-channel image.</summary>
    /// <param name="bytes">The whole file.</param>
    /// <param name="sourceName">What messages call the file: its path, or its name inside an archive.</param>
    /// <param name="options">Limits, orientation, warnings; null: the defaults.</param>
    /// <exception cref="PithException">The bytes are not an image file of a known format, are damaged or cut short, or hold too large an image or a variant of the format that is not supported; or
    /// libturbojpeg is not installed.</exception>
    public static Image Decode(ReadOnlySpan<byte> bytes, string sourceName, ImageDecodingOptions? options = null) => Decode(bytes.ToArray(), sourceName, options ?? s_defaults);

    /// <summary>Reads and decodes one file.</summary>
    /// <param name="path">The file; messages name it.</param>
    /// <param name="options">As in <see cref="Decode(ReadOnlySpan{byte}, string, ImageDecodingOptions?)"/>.</param>
    /// <exception cref="PithException">As in <see cref="Decode(ReadOnlySpan{byte}, string, ImageDecodingOptions?)"/>, or the file cannot be read.</exception>
    public static Image DecodeFile(string path, ImageDecodingOptions? options = null) => Decode(DataFile.ReadAllBytes(path), path, options ?? s_defaults);

    /// <summary>Refuses an image that is empty or larger than <paramref name="maxPixels"/>.</summary>
    internal static void CheckSize(long width, long height, string sourceName, long maxPixels)
    {
        // Three bytes a pixel must also fit one array.
        var limit = Math.Min(maxPixels, Array.MaxLength / 3);
        if (width <= 0 || height <= 0)
            throw new PithException($"Image '{sourceName}' claims {width}x{height} pixels: expected at least 1x1. The file is damaged.");
        if (width > limit || height > limit || width * height > limit)
            throw new PithException($"Image '{sourceName}' claims {width}x{height} pixels: expected at most {limit} in all. Make it smaller, or raise the limit if it is genuine.");
    }

    /// <summary>Refuses an image whose data cannot hold its pixels, before memory is taken for them.</summary>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="pixelBytes">Bytes that the pixels take once they are unpacked.</param>
    /// <param name="dataBytes">Bytes of packed data.</param>
    /// <param name="maxRatio">The most that the packing can shrink data by.</param>
    /// <param name="sourceName">What messages call the file.</param>
    internal static void CheckData(long width, long height, long pixelBytes, long dataBytes, long maxRatio, string sourceName)
    {
        if (pixelBytes > dataBytes * maxRatio) throw new PithException($"Image '{sourceName}' is cut short: {dataBytes} bytes of data cannot hold {width}x{height} pixels. Fetch or export it again.");
    }

    private static Image Decode(byte[] file, string sourceName, ImageDecodingOptions options)
    {
        ArgumentNullException.ThrowIfNull(sourceName);
        var format = ImageFormat.All.FirstOrDefault(known => known.Matches(file)) ?? throw new PithException(file.Length == 0
            ? $"Image '{sourceName}' is empty."
            : $"Image '{sourceName}' is of no known format: expected {ImageFormat.Names}, its first bytes are {Convert.ToHexString(file.AsSpan(0, Math.Min(4, file.Length)))}. Convert it to PNG.");
        var (image, orientation) = format.Decode(file, sourceName, options);
        return options.ApplyOrientation ? ExifOrientation.Apply(image, orientation) : image;
    }
}
