namespace Pith.Kernels;

/// <summary>
/// FP32 activations [N, H, W, C] in memory: the channels of a pixel are contiguous, everything else has a stride. A dense map,
/// a slice of channels and a grid of every second pixel are all feature maps. Does not own its memory.
/// </summary>
internal unsafe struct FeatureMap
{
    /// <summary>Channel 0 of pixel (0, 0) of image 0; null for an operand that is absent.</summary>
    public float* Data;

    /// <summary>N.</summary>
    public int Images;

    /// <summary>H.</summary>
    public int Height;

    /// <summary>W.</summary>
    public int Width;

    /// <summary>C.</summary>
    public int Channels;

    /// <summary>Floats between neighbouring images.</summary>
    public nint ImageStride;

    /// <summary>Floats between neighbouring rows.</summary>
    public nint RowStride;

    /// <summary>Floats between neighbouring pixels; at least <see cref="Channels"/>.</summary>
    public nint PixelStride;

    /// <summary>Number of pixels over all images.</summary>
    public readonly nint Pixels => (nint)Images * Height * Width;

    /// <summary>Whether all pixels of all images lie one <see cref="PixelStride"/> apart, so that the map is one long row.</summary>
    public readonly bool IsUniform =>
        (Height == 1 || RowStride == Width * PixelStride) && (Images == 1 || ImageStride == (nint)Height * Width * PixelStride);

    /// <summary>A map whose pixels lie <paramref name="pixelStride"/> floats apart (0: densely packed).</summary>
    public static FeatureMap Create(float* data, int images, int height, int width, int channels, int pixelStride = 0)
    {
        nint pixel = pixelStride == 0 ? channels : pixelStride;
        return new FeatureMap
        {
            Data = data,
            Images = images,
            Height = height,
            Width = width,
            Channels = channels,
            PixelStride = pixel,
            RowStride = width * pixel,
            ImageStride = (nint)height * width * pixel,
        };
    }

    /// <summary>The address of channel 0 of a pixel, which may lie outside as long as it is not read.</summary>
    public readonly float* At(nint image, nint row, nint column) => Data + image * ImageStride + row * RowStride + column * PixelStride;

    /// <summary>Channels [<paramref name="first"/>, <paramref name="first"/> + <paramref name="count"/>) of the same pixels.</summary>
    public readonly FeatureMap Slice(int first, int count)
    {
        var slice = this;
        slice.Data = Data == null ? null : Data + first;
        slice.Channels = count;
        return slice;
    }

    /// <summary>The same pixels as one image of one row; needs <see cref="IsUniform"/>.</summary>
    public readonly FeatureMap Flatten()
    {
        var flat = this;
        flat.Images = 1;
        flat.Height = 1;
        flat.Width = checked((int)Pixels);
        return flat;
    }

    /// <summary>The pixels (row + i * stepH, column + j * stepW).</summary>
    public readonly FeatureMap EveryNth(int row, int column, int stepH, int stepW)
    {
        var grid = this;
        grid.Data = Data == null ? null : At(0, row, column);
        grid.Height = row < Height ? (Height - row + stepH - 1) / stepH : 0;
        grid.Width = column < Width ? (Width - column + stepW - 1) / stepW : 0;
        grid.RowStride = RowStride * stepH;
        grid.PixelStride = PixelStride * stepW;
        return grid;
    }
}
