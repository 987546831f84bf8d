using System.Buffers.Binary;

namespace Pith.Compression.Data;

/// <summary>The IHDR chunk of a PNG file (ISO/IEC 15948, 11.2.2), checked when it is read.</summary>
/// <param name="Width">Pixels in a row.</param>
/// <param name="Height">Rows.</param>
/// <param name="BitDepth">Bits of one sample: 1, 2, 4, 8 or 16.</param>
/// <param name="Color">What the samples of a pixel mean.</param>
/// <param name="IsInterlaced">Whether the rows come in the seven passes of Adam7.</param>
internal readonly record struct PngHeader(int Width, int Height, int BitDepth, PngColor Color, bool IsInterlaced)
{
    public const int Bytes = 13;

    public static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Samples of a pixel.</summary>
    public int Samples => Color switch { PngColor.Rgb => 3, PngColor.GreyAlpha => 2, PngColor.Rgba => 4, _ => 1 };

    /// <summary>Bytes of a row of <paramref name="width"/> pixels, without its filter byte.</summary>
    public long RowBytes(int width) => ((long)width * Samples * BitDepth + 7) / 8;

    /// <summary>Distance, in bytes, to the sample of the pixel before (at least 1): what the filters look back by.</summary>
    public int FilterDistance => Math.Max(1, Samples * BitDepth / 8);

    public static PngHeader Read(ReadOnlySpan<byte> chunk, string sourceName, long maxPixels)
    {
        if (chunk.Length != Bytes) throw new PithException($"PNG '{sourceName}': the header chunk has {chunk.Length} bytes, expected {Bytes}. The file is damaged.");
        var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(chunk), BinaryPrimitives.ReadUInt32BigEndian(chunk[4..]));
        ImageDecoder.CheckSize(width, height, sourceName, maxPixels);
        var (depth, color) = (chunk[8], (PngColor)chunk[9]);
        var known = color switch
        {
            PngColor.Grey => depth is 1 or 2 or 4 or 8 or 16,
            PngColor.Palette => depth is 1 or 2 or 4 or 8,
            PngColor.Rgb or PngColor.GreyAlpha or PngColor.Rgba => depth is 8 or 16,
            _ => false,
        };
        if (!known || chunk[10] != 0 || chunk[11] != 0 || chunk[12] > 1)
            throw new PithException($"PNG '{sourceName}': bit depth {depth}, colour type {chunk[9]}, compression {chunk[10]}, filter {chunk[11]}, interlace {chunk[12]} is no combination that PNG defines. The file is damaged.");
        return new PngHeader((int)width, (int)height, depth, color, chunk[12] == 1);
    }
}

/// <summary>The colour types of PNG, with their numbers in the file.</summary>
internal enum PngColor : byte
{
    /// <summary>One grey sample.</summary>
    Grey = 0,

    /// <summary>R, G, B.</summary>
    Rgb = 2,

    /// <summary>An index into the palette.</summary>
    Palette = 3,

    /// <summary>Grey and alpha.</summary>
    GreyAlpha = 4,

    /// <summary>R, G, B and alpha.</summary>
    Rgba = 6,
}
