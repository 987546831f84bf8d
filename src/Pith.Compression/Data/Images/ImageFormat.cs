namespace Pith.Compression.Data;

/// <summary>What a decoder gives.</summary>
/// <param name="Image">The pixels, as they are stored.</param>
/// <param name="Orientation">The EXIF orientation that is still to be applied, 1 to 8; 1: none.</param>
internal readonly record struct DecodedImage(Image Image, int Orientation);

/// <summary>An image file format.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Suffixes">How the names of its files end, in lower case.</param>
/// <param name="Matches">Whether a file starts like one of this format.</param>
/// <param name="Decode">Decodes a whole file; the string is what messages call it.</param>
internal sealed record ImageFormat(string Name, ValueList<string> Suffixes, Func<byte[], bool> Matches, Func<byte[], string, ImageDecodingOptions, DecodedImage> Decode)
{
    /// <summary>Every format that is read. To add one: a file that decodes it, and a line here.</summary>
    public static IReadOnlyList<ImageFormat> All { get; } =
    [
        new("JPEG", [".jpg", ".jpeg", ".jpe", ".jfif"], file => file.AsSpan().StartsWith(JpegHeader.Signature), JpegDecoder.Decode),
        new("PNG", [".png"], file => file.AsSpan().StartsWith(PngFile.Signature), PngFile.Decode),
        new("BMP", [".bmp", ".dib"], file => file.AsSpan().StartsWith("BM"u8), BmpFile.Decode),
        new("GIF", [".gif"], file => file.AsSpan().StartsWith("GIF87a"u8) || file.AsSpan().StartsWith("GIF89a"u8), GifFile.Decode),
        new("TIFF", [".tif", ".tiff"], TiffDirectory.Matches, TiffFile.Decode),
        new("WebP", [".webp"], WebpFile.Matches, WebpFile.Decode),
    ];

    /// <summary>All names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(format => format.Name));

    /// <summary>All suffixes, for messages.</summary>
    public static string AllSuffixes { get; } = string.Join(" ", All.SelectMany(format => format.Suffixes));

    /// <summary>Whether a file's name ends as an image's does. What the file holds is found out when it is read.</summary>
    public static bool HasSuffix(string path) => All.Any(format => format.Suffixes.Contains(Path.GetExtension(path).ToLowerInvariant()));
}
