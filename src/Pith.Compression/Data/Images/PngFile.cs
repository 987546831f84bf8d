using System.Buffers.Binary;
using System.IO.Compression;
using SixLabors.ImageSharp.Formats.Png;

namespace Pith.Compression.Data;

/// <summary>
/// Decodes PNG (ISO/IEC 15948). Before the pixels are decoded its chunks are walked through and its data is unpacked once, to count it: the library takes missing rows for black, and a header that
/// promises more pixels than there are must not take memory for them.
/// </summary>
internal static class PngFile
{
    private const int ChunkHeaderBytes = 8, ChecksumBytes = 4, HeaderBytes = 13, NarrowestInterlaced = 5;

    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    // Adam7: first column, first row, column step, row step of each pass.
    private static ReadOnlySpan<byte> Adam7 => [0, 0, 8, 8, 4, 0, 8, 8, 0, 4, 4, 8, 2, 0, 4, 4, 0, 2, 2, 4, 1, 0, 2, 2, 0, 1, 1, 2];

    /// <summary>What the header says.</summary>
    private readonly record struct Header(uint Width, uint Height, int BitDepth, int Samples, bool IsInterlaced)
    {
        /// <summary>Bytes of the unpacked pixel data: each row of each pass starts with the number of its filter.</summary>
        public long DataBytes()
        {
            if (!IsInterlaced) return Rows(Width, Height);
            var bytes = 0L;
            for (var pass = 0; pass < Adam7.Length; pass += 4) bytes += Rows(Steps(Width, Adam7[pass], Adam7[pass + 2]), Steps(Height, Adam7[pass + 1], Adam7[pass + 3]));
            return bytes;
        }

        private long Rows(long width, long height) => width == 0 ? 0 : height * (1 + (width * Samples * BitDepth + 7) / 8);

        private static long Steps(long size, int first, int step) => size <= first ? 0 : (size - first - 1) / step + 1;
    }

    public static DecodedImage Decode(byte[] file, string sourceName, ImageDecodingOptions options)
    {
        var (header, exif, data) = ReadChunks(file, sourceName, options.MaxPixels);
        // The library never returns for such a file: it loops without end in a pass without columns.
        if (header.IsInterlaced && header.Width < NarrowestInterlaced) throw new PithException($"PNG '{sourceName}' is interlaced and {header.Width} pixels wide; interlaced files are read from {NarrowestInterlaced} pixels on. Save it without interlacing.");
        RequireAllRows(header, data, sourceName);
        var decoder = new PngDecoder { IgnoreMetadata = true };
        var image = header.BitDepth == 16 ? ImageSharpDecoder.DecodeHighBytes(file, decoder, sourceName) : ImageSharpDecoder.Decode(file, decoder, sourceName);
        return new(image, ExifOrientation.Of(exif));
    }

    private static (Header Header, ReadOnlyMemory<byte> Exif, MemoryStream Data) ReadChunks(byte[] file, string sourceName, long maxPixels)
    {
        Header? header = null;
        ReadOnlyMemory<byte> exif = default;
        var data = new MemoryStream();
        for (var at = Signature.Length; ; )
        {
            var length = file.Length - at < ChunkHeaderBytes ? uint.MaxValue : BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(at));
            if (length > file.Length - at - (long)ChunkHeaderBytes - ChecksumBytes) throw new PithException($"PNG '{sourceName}' is cut short: its {file.Length} bytes do not end in an IEND chunk. Fetch or export it again.");
            var name = file.AsSpan(at + 4, 4);
            var body = file.AsMemory(at + ChunkHeaderBytes, (int)length);
            header ??= ReadHeader(name, body.Span, sourceName, maxPixels);
            if (name.SequenceEqual("IEND"u8)) return (header.Value, exif, data);
            if (name.SequenceEqual("IDAT"u8)) data.Write(body.Span);
            if (name.SequenceEqual("eXIf"u8)) exif = body;
            at += ChunkHeaderBytes + (int)length + ChecksumBytes;
        }
    }

    private static Header ReadHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> body, string sourceName, long maxPixels)
    {
        if (!name.SequenceEqual("IHDR"u8) || body.Length != HeaderBytes) throw new PithException($"PNG '{sourceName}' does not start with an IHDR chunk of {HeaderBytes} bytes. The file is damaged.");
        var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(body), BinaryPrimitives.ReadUInt32BigEndian(body[4..]));
        ImageDecoder.CheckSize(width, height, sourceName, maxPixels);
        int bitDepth = body[8], colorType = body[9];
        // Grey, RGB, palette, grey with alpha, RGB with alpha.
        var samples = colorType switch { 0 or 3 => 1, 2 => 3, 4 => 2, 6 => 4, _ => 0 };
        if (samples == 0 || bitDepth is not (1 or 2 or 4 or 8 or 16)) throw new PithException($"PNG '{sourceName}' has colour type {colorType} and {bitDepth} bits per sample, which the format does not have. The file is damaged.");
        return new(width, height, bitDepth, samples, IsInterlaced: body[12] != 0);
    }

    private static void RequireAllRows(Header header, MemoryStream data, string sourceName)
    {
        data.Position = 0;
        long expected = header.DataBytes(), have = 0;
        try
        {
            using var unpacked = new ZLibStream(data, CompressionMode.Decompress);
            var chunk = new byte[1 << 16];
            // Reads to the end when the length is right, so that the checksum is verified.
            for (int got; have <= expected && (got = unpacked.Read(chunk)) > 0;) have += got;
        }
        catch (Exception e) when (e is InvalidDataException or IOException) // a ZLibException is an IOException
        {
            throw new PithException($"PNG '{sourceName}' cannot be decoded: {e.Message} The file is damaged; fetch or export it again.", e);
        }
        if (have < expected) throw new PithException($"PNG '{sourceName}' is cut short: its data unpacks to {have} bytes, {header.Width}x{header.Height} pixels take {expected}. Fetch or export it again.");
    }
}
