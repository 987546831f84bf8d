namespace Pith.Kernels.Int8;

/// <summary>Copies a band of rows of an image of bytes and surrounds it with the zero point.</summary>
internal unsafe struct PaddedCopyInt8
{
    /// <summary>The image's first pixel.</summary>
    public byte* Image;
    public int Height;
    public int Width;
    public int PixelBytes;
    public nint RowBytes;
    public byte ZeroPoint;

    /// <summary>Columns in front of the image's first.</summary>
    public int PadLeft;

    /// <summary>Columns of the copy.</summary>
    public int Columns;

    /// <summary>Copies rows [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>), any of which may lie outside the image.</summary>
    public readonly void Run(int first, int count, byte* to)
    {
        var rowBytes = (long)Columns * PixelBytes;
        for (var row = first; row < first + count; row++, to += rowBytes)
        {
            if (row < 0 || row >= Height)
            {
                new Span<byte>(to, (int)rowBytes).Fill(ZeroPoint);
                continue;
            }
            var left = Math.Min(PadLeft, Columns) * PixelBytes;
            var inside = Math.Clamp(Columns - PadLeft, 0, Width) * PixelBytes;
            new Span<byte>(to, left).Fill(ZeroPoint);
            Buffer.MemoryCopy(Image + row * RowBytes, to + left, inside, inside);
            new Span<byte>(to + left + inside, (int)rowBytes - left - inside).Fill(ZeroPoint);
        }
    }
}
