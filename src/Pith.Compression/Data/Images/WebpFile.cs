using System.Buffers.Binary;
using SixLabors.ImageSharp.Formats.Webp;

namespace Pith.Compression.Data;

/// <summary>Decodes WebP, lossy and lossless: still images. A file is RIFF: <c>RIFF size WEBP</c>, then chunks of a four-letter name, a length and that many bytes, padded to an even number.</summary>
internal static class WebpFile
{
    private const int FirstChunkAt = 12, ChunkHeaderBytes = 8;

    public static bool Matches(byte[] file) => file.AsSpan().StartsWith("RIFF"u8) && file.Length >= FirstChunkAt && file.AsSpan(8, 4).SequenceEqual("WEBP"u8);

    public static DecodedImage Decode(byte[] file, string sourceName, ImageDecodingOptions options)
    {
        var decoder = new WebpDecoder { IgnoreMetadata = true };
        var (width, height) = ImageSharpDecoder.Size(file, decoder, sourceName);
        ImageDecoder.CheckSize(width, height, sourceName, options.MaxPixels);
        return new(ImageSharpDecoder.Decode(file, decoder, sourceName), ExifOrientation.Of(Exif(file)));
    }

    private static ReadOnlyMemory<byte> Exif(byte[] file)
    {
        for (long at = FirstChunkAt; at + ChunkHeaderBytes <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan((int)at + 4));
            if (length > file.Length - at - ChunkHeaderBytes) break;
            if (file.AsSpan((int)at, 4).SequenceEqual("EXIF"u8)) return file.AsMemory((int)at + ChunkHeaderBytes, (int)length);
            at += ChunkHeaderBytes + length + (length & 1);
        }
        return default;
    }
}
