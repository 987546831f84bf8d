namespace Pith.Kernels.Simd;

/// <summary>Copies a window of a feature map into dense memory, with zeros where the window leaves the map.</summary>
internal static unsafe class PaddedCopy
{
    /// <summary>
    /// Writes [<paramref name="rows"/>, <paramref name="columns"/>, <paramref name="paddedChannels"/>] floats to <paramref name="to"/>: the window
    /// of one image whose first pixel is (<paramref name="row"/>, <paramref name="column"/>), which may be negative.
    /// </summary>
    public static void Run(in FeatureMap map, int image, int row, int rows, int column, int columns, float* to, nint paddedChannels)
    {
        var left = Math.Clamp(-column, 0, columns);
        var right = Math.Clamp(column + columns - map.Width, 0, columns - left);
        for (var h = row; h < row + rows; h++, to += columns * paddedChannels)
        {
            if (h < 0 || h >= map.Height)
            {
                Clear(to, columns * paddedChannels);
                continue;
            }
            Clear(to, left * paddedChannels);
            CopyPixels(map, map.At(image, h, column + left), columns - left - right, to + left * paddedChannels, paddedChannels);
            Clear(to + (columns - right) * paddedChannels, right * paddedChannels);
        }
    }

    private static void CopyPixels(in FeatureMap map, float* from, int pixels, float* to, nint paddedChannels)
    {
        if (pixels <= 0) return;
        nint channels = map.Channels;
        if (map.PixelStride == channels && channels == paddedChannels)
        {
            var bytes = pixels * channels * sizeof(float);
            Buffer.MemoryCopy(from, to, bytes, bytes);
            return;
        }
        for (var i = 0; i < pixels; i++, from += map.PixelStride, to += paddedChannels)
        {
            new Span<float>(from, (int)channels).CopyTo(new Span<float>(to, (int)channels));
            Clear(to + channels, paddedChannels - channels);
        }
    }

    private static void Clear(float* to, nint count) => new Span<float>(to, (int)count).Clear();
}
