namespace Pith.Compression.Data;

/// <summary>How <see cref="ImageDecoder"/> decodes.</summary>
public sealed record ImageDecodingOptions
{
    /// <summary>The largest width x height that is accepted; a larger image is refused before memory is taken for its pixels.</summary>
    public long MaxPixels { get; init; } = Image.DefaultMaxPixels;

    /// <summary>
    /// Whether the image is turned as its EXIF orientation says. Off by default: torchvision and Pillow's <c>Image.open</c> give the pixels as they are stored, and networks trained with them expect
    /// that. The orientation of a TIFF file is part of its pixel layout and is always applied, as Pillow does.
    /// </summary>
    public bool ApplyOrientation { get; init; }

    /// <summary>
    /// Chooses from the width and height of the whole image, as it will be turned, whether the decoder may halve it: 1, or 2, 4 or 8 for an image of that part of the width and height, rounded up. Only JPEG decoding takes less time
    /// for a smaller image; other formats do not ask and give the whole image. Null: the whole image.
    /// </summary>
    internal Func<int, int, int>? Reduction { get; init; }

    /// <summary>Receives a <see cref="Warning"/> for a damaged file that could still be decoded.</summary>
    public IProgress<PithEvent>? Events { get; init; }
}
