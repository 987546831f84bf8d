namespace Pith.Compression.Data;

/// <summary>
/// One labelled sample: an 8-bit image that is still to be preprocessed, or values that are the network's input already: those of an image, the token ids of a sequence, or several inputs by name.
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

    /// <summary>A sequence of token ids, which is neither preprocessed nor augmented.</summary>
    /// <param name="label">The class.</param>
    /// <param name="tokens">Whole numbers, owned by the dataset and not to be changed. Its shape is 1 x 1 x tokens.</param>
    public static Sample OfTokens(int label, ReadOnlyMemory<float> tokens) => new(label, null, tokens, new ImageShape(1, 1, tokens.Length)) { IsSequence = true };

    /// <summary>A sample of several inputs, or of one that is not an image, which the network takes as they are.</summary>
    /// <param name="label">The class.</param>
    /// <param name="inputs">Names and shapes; the same for all samples of a dataset.</param>
    /// <param name="values">The elements of all inputs, one input after the other, owned by the dataset and not to be changed. Integers below 2^24.</param>
    /// <exception cref="ArgumentException">The number of values does not match the shapes.</exception>
    public static Sample OfInputs(int label, IReadOnlyList<SampleInput> inputs, ReadOnlyMemory<float> values)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var elements = inputs.Sum(input => input.Shape.Length);
        if (values.Length != elements) throw new ArgumentException($"{values.Length} values, expected {elements} for {string.Join(", ", inputs.Select(input => $"{input.Name} {input.Shape}"))}.", nameof(values));
        return new(label, null, values, new ImageShape(1, 1, elements)) { Inputs = inputs };
    }

    /// <summary>The inputs that <see cref="Values"/> holds by name; null where the sample is an image or a sequence.</summary>
    public IReadOnlyList<SampleInput>? Inputs { get; private init; }

    /// <summary>Whether the values are the token ids of a sequence.</summary>
    public bool IsSequence { get; private init; }

    /// <summary>The class, an index into <see cref="ImageDataset.ClassNames"/>.</summary>
    public int Label { get; }

    /// <summary>The image, or null when the sample holds <see cref="Values"/>.</summary>
    public Image? Image { get; }

    /// <summary>The network's input, [C, H, W], token ids, or all of <see cref="Inputs"/>; empty when the sample holds an <see cref="Image"/>.</summary>
    public ReadOnlyMemory<float> Values { get; }

    /// <summary>Channels, height and width of what it holds; 1, 1 and the number of values for anything but an image.</summary>
    public ImageShape Shape { get; }

    private static Image Expect(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return image;
    }
}
