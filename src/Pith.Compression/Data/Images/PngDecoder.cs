using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Pith.Compression.Data;

/// <summary>
/// Decodes PNG (ISO/IEC 15948): every colour type, bit depth and interlacing. Alpha is dropped, 16-bit samples keep their high byte, and
/// gamma and colour profiles are ignored, as Pillow does; that, and zlib being part of .NET, is why this is no binding of libpng, whose
/// simplified interface always converts colours. The pixel data is read row by row, so that only the output takes memory.
/// </summary>
internal static class PngDecoder
{
    /// <summary>Deflate cannot shrink data by more than this factor: 258 bytes take at least 2 bits.</summary>
    private const int MaxDeflateRatio = 1032;

    // Adam7: first column, first row, column step, row step of each pass.
    private static ReadOnlySpan<byte> Adam7 => [0, 0, 8, 8, 4, 0, 8, 8, 0, 4, 4, 8, 2, 0, 4, 4, 0, 2, 2, 4, 1, 0, 2, 2, 0, 1, 1, 2];

    public static Image Decode(ReadOnlySpan<byte> png, string sourceName, long maxPixels)
    {
        var (header, palette, data) = ReadChunks(png, sourceName, maxPixels);
        if (header.RowBytes(header.Width) * header.Height > data.Length * MaxDeflateRatio)
            throw new PithException($"PNG '{sourceName}' is cut short: {data.Length} bytes of pixel data cannot hold {header.Width}x{header.Height} pixels. Fetch or export it again.");
        var rgb = new byte[header.Width * header.Height * 3];
        try
        {
            using var rows = new ZLibStream(data, CompressionMode.Decompress);
            if (!header.IsInterlaced) ReadPass(rows, header, palette, [0, 0, 1, 1], rgb);
            else for (var pass = 0; pass < 7; pass++) ReadPass(rows, header, palette, Adam7.Slice(pass * 4, 4), rgb);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new PithException($"PNG '{sourceName}' cannot be decoded: {e.Message} The file is damaged or cut short; fetch or export it again.", e);
        }
        return new Image(header.Width, header.Height, 3, rgb);
    }

    /// <summary>The header, the palette (R, G, B of each entry) and the compressed pixel data of all IDAT chunks together.</summary>
    private static (PngHeader Header, byte[] Palette, MemoryStream Data) ReadChunks(ReadOnlySpan<byte> png, string sourceName, long maxPixels)
    {
        PngHeader? header = null;
        byte[] palette = [];
        var data = new MemoryStream();
        for (var at = PngHeader.Signature.Length; ;)
        {
            // A chunk: length (4 bytes, big-endian), type (4), body, CRC-32 of type and body (4).
            var length = png.Length - at >= 12 ? BinaryPrimitives.ReadUInt32BigEndian(png[at..]) : uint.MaxValue;
            if (length > png.Length - at - 12)
                throw new PithException($"PNG '{sourceName}' is cut short: a chunk at byte {at} reaches behind the end of the file ({png.Length} bytes). Fetch or export it again.");
            var typeAndBody = png.Slice(at + 4, 4 + (int)length);
            var type = typeAndBody[..4];
            var body = typeAndBody[4..];
            if (Crc32.Of(typeAndBody) != BinaryPrimitives.ReadUInt32BigEndian(png[(at + 8 + (int)length)..]))
                throw new PithException($"PNG '{sourceName}': the checksum of the chunk at byte {at} is wrong. The file is damaged; fetch or export it again.");
            if (header is null != type.SequenceEqual("IHDR"u8))
                throw new PithException($"PNG '{sourceName}': expected exactly one header chunk, first, got '{Encoding.Latin1.GetString(type)}' at byte {at}. The file is damaged.");
            if (header is null) header = PngHeader.Read(body, sourceName, maxPixels);
            else if (type.SequenceEqual("PLTE"u8)) palette = body.ToArray();
            else if (type.SequenceEqual("IDAT"u8)) data.Write(body);
            else if (type.SequenceEqual("IEND"u8)) break;
            at += 12 + (int)length;
        }
        data.Position = 0;
        return (header!.Value, palette, data);
    }

    /// <summary>Reads one pass and puts its pixels where they belong; <paramref name="grid"/> is first column, first row, column step, row step.</summary>
    private static void ReadPass(Stream rows, PngHeader header, byte[] palette, ReadOnlySpan<byte> grid, Span<byte> rgb)
    {
        var (x0, y0, dx, dy) = (grid[0], grid[1], grid[2], grid[3]);
        var width = (header.Width - x0 + dx - 1) / dx;
        if (width <= 0) return;
        var rowBytes = checked((int)header.RowBytes(width));
        var (row, above) = (new byte[1 + rowBytes], new byte[1 + rowBytes]); // the filter's number comes first
        var samples = new byte[width * header.Samples];
        for (var y = y0; y < header.Height; y += dy)
        {
            rows.ReadExactly(row);
            Unfilter(row[0], row.AsSpan(1), above.AsSpan(1), header.FilterDistance);
            Unpack(row.AsSpan(1), header, samples);
            WritePixels(samples, header, palette, rgb[(y * header.Width * 3)..], x0, dx);
            (row, above) = (above, row);
        }
    }

    /// <summary>Undoes the row's filter (ISO/IEC 15948, clause 9) in place.</summary>
    private static void Unfilter(byte filter, Span<byte> row, ReadOnlySpan<byte> above, int distance)
    {
        if (filter > 4) throw new InvalidDataException($"Row filter {filter} is none of 0 to 4.");
        if (filter == 0) return;
        for (var i = 0; i < row.Length; i++)
        {
            int left = i >= distance ? row[i - distance] : 0, up = above[i], upLeft = i >= distance ? above[i - distance] : 0;
            row[i] += (byte)(filter switch
            {
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                _ => Paeth(left, up, upLeft),
            });
        }
    }

    /// <summary>Whichever of the three is nearest to left + up - upLeft; ties go to left, then up.</summary>
    private static int Paeth(int left, int up, int upLeft)
    {
        var (toLeft, toUp, toUpLeft) = (Math.Abs(up - upLeft), Math.Abs(left - upLeft), Math.Abs(left + up - 2 * upLeft));
        return toLeft <= toUp && toLeft <= toUpLeft ? left : toUp <= toUpLeft ? up : upLeft;
    }

    /// <summary>Makes one byte of each sample: the high byte of 16 bits; 1, 2 and 4 bits are stretched to 0..255 unless they are palette indices.</summary>
    private static void Unpack(ReadOnlySpan<byte> row, PngHeader header, Span<byte> samples)
    {
        var depth = header.BitDepth;
        if (depth == 8) row.CopyTo(samples);
        else if (depth == 16) for (var i = 0; i < samples.Length; i++) samples[i] = row[2 * i];
        else
        {
            var mask = (1 << depth) - 1;
            var stretch = header.Color == PngColor.Palette ? 1 : 255 / mask;
            for (var i = 0; i < samples.Length; i++)
            {
                var bit = i * depth;
                samples[i] = (byte)(((row[bit / 8] >> (8 - depth - bit % 8)) & mask) * stretch);
            }
        }
    }

    private static void WritePixels(ReadOnlySpan<byte> samples, PngHeader header, byte[] palette, Span<byte> rgbRow, int x0, int dx)
    {
        var count = header.Samples;
        for (int i = 0, to = x0 * 3; i < samples.Length; i += count, to += dx * 3)
        {
            var source = header.Color switch
            {
                PngColor.Palette => Entry(palette, samples[i]),
                PngColor.Rgb or PngColor.Rgba => samples.Slice(i, 3),
                _ => [samples[i], samples[i], samples[i]],
            };
            source.CopyTo(rgbRow[to..]);
        }
    }

    private static ReadOnlySpan<byte> Entry(byte[] palette, int index) =>
        3 * index + 3 <= palette.Length ? palette.AsSpan(3 * index, 3)
        : throw new InvalidDataException($"A pixel has colour {index}, the palette has {palette.Length / 3}.");
}
