using System.Buffers.Binary;

namespace Pith.Compression.Data;

/// <summary>
/// What the marker structure of a JPEG file (ITU-T T.81, annex B) says before any pixel is decoded: enough to bound time and memory, to tell a whole file from a cut one, and where the EXIF block is.
/// </summary>
/// <param name="Width">Pixels in a row, from the frame header.</param>
/// <param name="Height">Rows, from the frame header.</param>
/// <param name="Components">1 = grey, 3 = YCbCr or RGB, 4 = CMYK or YCCK.</param>
/// <param name="Scans">Number of scans: 1 for most baseline files, about 10 for progressive ones.</param>
/// <param name="Started">How many components have at least one scan.</param>
/// <param name="LastScanAt">Where the marker of the last scan is.</param>
/// <param name="StartedBeforeLast">How many components have a scan before the last one.</param>
/// <param name="End">Where the end-of-image marker is, or the first segment that is cut short; the length of the file when it ends in scan data.</param>
/// <param name="IsComplete">Whether the end-of-image marker was found.</param>
/// <param name="Exif">The range of the EXIF block; empty when there is none.</param>
internal readonly record struct JpegHeader(int Width, int Height, int Components, int Scans, int Started, int LastScanAt, int StartedBeforeLast, int End, bool IsComplete, Range Exif)
{
    /// <summary>Ends a file.</summary>
    public const byte EndOfImage = 0xD9;

    private const byte StartOfImage = 0xD8, StartOfScan = 0xDA, Temporary = 0x01, Application1 = 0xE1;

    public static ReadOnlySpan<byte> Signature => [0xFF, StartOfImage, 0xFF];

    /// <summary>Walks from marker to marker; scan data is skipped because an FF in it is followed by 00 or a restart marker.</summary>
    public static JpegHeader Read(ReadOnlySpan<byte> jpeg, string sourceName)
    {
        var header = default(JpegHeader) with { End = jpeg.Length };
        for (var at = 0; NextMarker(jpeg, ref at) is { } marker;)
        {
            if (marker == EndOfImage)
            {
                header = header with { IsComplete = true, End = at - 2 };
                break;
            }
            if (IsStandalone(marker)) continue;
            if (Segment(jpeg, at) is not { } length)
            {
                header = header with { End = at - 2 };
                break;
            }
            var body = jpeg.Slice(at + 2, length - 2);
            if (marker == StartOfScan) header = Scan(body, header) with { LastScanAt = at - 2 };
            else if (IsFrame(marker) && header.Components == 0) header = Frame(body, header);
            else if (marker == Application1 && header.Exif.Equals(default) && body.StartsWith("Exif\0\0"u8)) header = header with { Exif = (at + 2)..(at + length) };
            at += length;
        }
        if (header.Components == 0)
            throw new PithException($"JPEG '{sourceName}' has no frame header in its {jpeg.Length} bytes: the file is damaged or cut short. Fetch or export it again.");
        return header;
    }

    /// <summary>The code of the next marker, with <paramref name="at"/> moved after it; null at the end of the file.</summary>
    private static byte? NextMarker(ReadOnlySpan<byte> jpeg, ref int at)
    {
        while (at < jpeg.Length)
        {
            var skip = jpeg[at..].IndexOf((byte)0xFF);
            if (skip < 0) return null;
            at += skip;
            while (at < jpeg.Length && jpeg[at] == 0xFF) at++; // any number of fill bytes may precede the code
            if (at < jpeg.Length && jpeg[at++] is var code && code != 0) return code;
        }
        return null;
    }

    /// <summary>The length of the segment at <paramref name="at"/>, its two length bytes included; null when it does not fit the file.</summary>
    private static int? Segment(ReadOnlySpan<byte> jpeg, int at)
    {
        if (jpeg.Length - at < 2) return null;
        int length = BinaryPrimitives.ReadUInt16BigEndian(jpeg[at..]);
        return length >= 2 && length <= jpeg.Length - at ? length : null;
    }

    /// <summary>A scan that starts at coefficient 0 and refines nothing is the first one of its components; the body ends in first and last coefficient and the bits of successive approximation.</summary>
    private static JpegHeader Scan(ReadOnlySpan<byte> body, JpegHeader header)
    {
        var isFirst = body is [_, .., 0, _, < 0x10];
        return header with { Scans = header.Scans + 1, Started = header.Started + (isFirst ? body[0] : 0), StartedBeforeLast = header.Started };
    }

    private static JpegHeader Frame(ReadOnlySpan<byte> body, JpegHeader header) =>
        body.Length < 6 ? header : header with
        {
            Height = BinaryPrimitives.ReadUInt16BigEndian(body[1..]),
            Width = BinaryPrimitives.ReadUInt16BigEndian(body[3..]),
            Components = body[5],
        };

    private static bool IsStandalone(byte marker) => marker is StartOfImage or Temporary or (>= 0xD0 and <= 0xD7);

    /// <summary>SOF0 to SOF15, without the three codes in that range that mean something else (DHT, JPG, DAC).</summary>
    private static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC);
}
