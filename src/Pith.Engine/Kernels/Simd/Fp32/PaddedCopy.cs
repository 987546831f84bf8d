namespace Pith.Kernels.Simd;

/// <summary>Copies a window of a feature map into dense memory, with zeros where the window leaves the map.</summary>
internal static unsafe class PaddedCopy
{
    /// <summary>
    /// Writes [<paramref name="rows"/>, <paramref name="columns"/>, C] floats to <paramref name="to"/>: the window
    /// of one image whose first pixel is (<paramref name="row"/>, <paramref name="column"/>), which may be negative.
    /// </summary>
    public static void Run(in FeatureMap map, int image, int row, int rows, int column, int columns, float* to)
    {
        nint channels = map.Channels;
        var left = Math.Clamp(-column, 0, columns);
        var right = Math.Clamp(column + columns - map.Width, 0, columns - left);
        for (var h = row; h < row + rows; h++, to += columns * channels)
        {
            if (h < 0 || h >= map.Height)
            {
                Clear(to, columns * channels);
                continue;
            }
            Clear(to, left * channels);
            CopyPixels(map.At(image, h, column + left), map.PixelStride, columns - left - right, channels, to + left * channels);
            Clear(to + (columns - right) * channels, right * channels);
        }
    }

    private static void CopyPixels(float* from, nint stride, int pixels, nint channels, float* to)
    {
        if (pixels <= 0) return;
        if (stride == channels)
        {
            var bytes = pixels * channels * sizeof(float);
            Buffer.MemoryCopy(from, to, bytes, bytes);
            return;
        }
        for (var i = 0; i < pixels; i++, from += stride, to += channels)
        {
            new Span<float>(from, (int)channels).CopyTo(new Span<float>(to, (int)channels));
        }
    }

    private static void Clear(float* to, nint count) => new Span<float>(to, (int)count).Clear();
}
