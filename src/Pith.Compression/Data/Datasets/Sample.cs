namespace Pith.Compression.Data;

/// <summary>
/// One labelled sample: either an 8-bit image that is still to be preprocessed, or values that are the network's input already.
/// </summary>
public readonly record struct Sample
{
    private Sample(int label, Image? image, ReadOnlyMemory<float> values, ImageShape shape) =>
        (Label, Image, Values, Shape) = (label, image, values, shape);

    /// <summary>A sample with an image.</summary>
    public Sample(int label, Image image)
        : this(label, image, default, new ImageShape(Expect(image).Channels, image.Height, image.Width)) { }

    /// <summary>A sample that is not preprocessed: [C, H, W] float values, owned by the dataset and not to be changed.</summary>
    /// <exception cref="ArgumentException">The number of values does not match the shape.</exception>
    public Sample(int label, ReadOnlyMemory<float> values, ImageShape shape)
        : this(label, null, values, shape)
    {
        if (values.Length != shape.Elements) throw new ArgumentException($"{values.Length} values, expected {shape}.", nameof(values));
    }

    /// <summary>The class, an index into <see cref="ImageDataset.ClassNames"/>.</summary>
    public int Label { get; }

    /// <summary>The image, or null when the sample holds <see cref="Values"/>.</summary>
    public Image? Image { get; }

    /// <summary>The network's input, [C, H, W]; empty when the sample holds an <see cref="Image"/>.</summary>
    public ReadOnlyMemory<float> Values { get; }

    /// <summary>Channels, height and width of what it holds.</summary>
    public ImageShape Shape { get; }

    private static Image Expect(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image;
    }
}
