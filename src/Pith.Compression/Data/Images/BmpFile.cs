using System.Buffers.Binary;
using SixLabors.ImageSharp.Formats.Bmp;

namespace Pith.Compression.Data;

/// <summary>Decodes BMP. The five and six bits of 16-bit pixels are spread by repeating them, where Pillow truncates: such samples may be larger by 1.</summary>
internal static class BmpFile
{
    private const int HeaderSizeAt = 14, CompressionAt = 30;
    private const uint CoreHeader = 12;

    public static DecodedImage Decode(byte[] file, string sourceName, ImageDecodingOptions options)
    {
        // The library continues a run that is longer than its row, as some programs write them, in the next row.
        if (IsRunLength(file)) throw new PithException($"BMP '{sourceName}' is run-length compressed, which is not supported. Convert it to PNG, or save it uncompressed.");
        var decoder = new BmpDecoder();
        var (width, height) = ImageSharpDecoder.Size(file, decoder, sourceName);
        ImageDecoder.CheckSize(width, height, sourceName, options.MaxPixels);
        var rowBytes = ((long)width * BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(IsCore(file) ? 24 : 28)) + 31) / 32 * 4;
        ImageDecoder.CheckData(width, height, rowBytes * height, file.Length, 1, sourceName);
        return new(ImageSharpDecoder.Decode(file, decoder, sourceName), ExifOrientation.None);
    }

    /// <summary>Whether the header is the OS/2 one, with 16-bit sizes.</summary>
    private static bool IsCore(byte[] file) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(HeaderSizeAt)) == CoreHeader;

    private static bool IsRunLength(byte[] file) =>
        file.Length >= CompressionAt + 4 && !IsCore(file)
        && BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(CompressionAt)) is 1 or 2; // BI_RLE8, BI_RLE4
}
