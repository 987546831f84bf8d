namespace Pith.Kernels.Int8;

/// <summary>Rows of an 8-bit image, as planes or interleaved, through one table for each channel to channels-last pixels of a multiple of four bytes, those without a channel 0.</summary>
internal unsafe struct PixelTableInt8
{
    /// <summary>[<see cref="Channels"/>, 256], from <see cref="Shifted"/>.</summary>
    public uint* Tables;

    public int Channels;

    /// <summary>Bytes of a resulting pixel.</summary>
    public int PixelBytes;

    /// <summary>Bytes from one channel of a pixel to the next in the image.</summary>
    public nint ChannelStride;

    /// <summary>Bytes from one pixel to the next in the image.</summary>
    public int PixelStride;

    /// <summary>Entries moved to where their channel lies among four bytes, so that a pixel is their union.</summary>
    /// <param name="tables">[C, 256]</param>
    public static uint[] Shifted(byte[] tables) => [.. tables.Select((entry, i) => (uint)entry << (8 * (i / 256 % 4)))];

    /// <summary>One row of <paramref name="width"/> pixels.</summary>
    public readonly void Row(byte* from, byte* to, int width)
    {
        if (Channels == 3) Three(from, (uint*)to, width);
        else
            for (var x = 0; x < width; x++, from += PixelStride, to += PixelBytes) Pixel(from, to);
    }

    private readonly void Three(byte* from, uint* to, int width)
    {
        uint* first = Tables, second = first + 256, third = second + 256;
        var (stride, step) = (ChannelStride, PixelStride);
        for (var x = 0; x < width; x++, from += step) to[x] = first[from[0]] | second[from[stride]] | third[from[2 * stride]];
    }

    private readonly void Pixel(byte* from, byte* to)
    {
        for (var first = 0; first < PixelBytes; first += 4)
        {
            uint four = 0;
            for (var c = first; c < Math.Min(first + 4, Channels); c++) four |= Tables[256 * c + from[c * ChannelStride]];
            *(uint*)(to + first) = four;
        }
    }
}
