using System.Runtime.Intrinsics;

namespace Pith.Kernels.Simd;

/// <summary>Copies windows of an image into dense memory, with bytes of one value where they leave the image.</summary>
internal unsafe struct PaddedCopy
{
    /// <summary>The first byte of the image's first pixel.</summary>
    public byte* Image;
    public int Height;
    public int Width;

    /// <summary>Bytes of a pixel that are copied.</summary>
    public int PixelBytes;

    /// <summary>Bytes from pixel to pixel of the image.</summary>
    public nint PixelStride;

    /// <summary>Bytes from row to row of the image.</summary>
    public nint RowStride;

    /// <summary>What lies around the image.</summary>
    public byte Padding;

    /// <summary>For an image of a feature map, with zeros around it.</summary>
    public static PaddedCopy Of(in FeatureMap map, int image) => new()
    {
        Image = (byte*)map.At(image, 0, 0),
        Height = map.Height,
        Width = map.Width,
        PixelBytes = map.Channels * sizeof(float),
        PixelStride = map.PixelStride * sizeof(float),
        RowStride = map.RowStride * sizeof(float),
    };

    /// <summary>Of some columns of a copy, those left of the image, and those inside it.</summary>
    /// <param name="first">The image's column of the first, which may be negative.</param>
    /// <param name="step">The image's columns from one to the next.</param>
    /// <param name="count">Columns of the copy.</param>
    /// <param name="width">Columns of the image.</param>
    public static (int Left, int Inside) Split(int first, int step, int count, int width)
    {
        var left = Math.Clamp(EvenParts.Count(-first, step), 0, count);
        return (left, Math.Clamp(EvenParts.Count(width - first - left * step, step), 0, count - left));
    }

    /// <summary>Writes [<paramref name="rows"/>, <paramref name="columns"/>, <see cref="PixelBytes"/>] bytes to <paramref name="to"/>: the window whose first pixel is (<paramref name="row"/>, <paramref name="column"/>), which may be negative.</summary>
    public readonly void Run(int row, int rows, int column, int columns, byte* to)
    {
        var (left, inside) = Split(column, 1, columns, Width);
        var rowBytes = (nint)columns * PixelBytes;
        for (var end = row + rows; row < end; row++, to += rowBytes)
        {
            if (row < 0 || row >= Height)
            {
                Fill(to, to + rowBytes);
                continue;
            }
            byte* first = to + (nint)left * PixelBytes, last = first + (nint)inside * PixelBytes;
            Fill(to, first);
            CopyPixels(Image + row * RowStride + (column + left) * PixelStride, first, inside);
            Fill(last, to + rowBytes);
        }
    }

    private readonly void CopyPixels(byte* from, byte* to, int pixels)
    {
        if (PixelStride == PixelBytes)
        {
            var bytes = (nint)pixels * PixelBytes;
            Buffer.MemoryCopy(from, to, bytes, bytes);
            return;
        }
        if (PixelBytes % Vector512<byte>.Count == 0)
        {
            for (var i = 0; i < pixels; i++, from += PixelStride)
                for (var end = to + PixelBytes; to < end;)
                {
                    Vector512.Load(from + PixelBytes - (end - to)).Store(to);
                    to += Vector512<byte>.Count;
                }
            return;
        }
        for (var i = 0; i < pixels; i++, from += PixelStride, to += PixelBytes) new Span<byte>(from, PixelBytes).CopyTo(new Span<byte>(to, PixelBytes));
    }

    private readonly void Fill(byte* from, byte* end) => new Span<byte>(from, (int)(end - from)).Fill(Padding);
}
