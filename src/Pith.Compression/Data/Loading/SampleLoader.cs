namespace Pith.Compression.Data;

/// <summary>Reads one sample, augments it and writes it as the network takes it. Safe to share between threads.</summary>
internal sealed class SampleLoader
{
    private static readonly int[] s_reductions = [8, 4, 2];

    private readonly ImageDataset _dataset;
    private readonly Preprocessing _preprocessing;
    private readonly PixelNormalizer _normalizer;
    private readonly Augmentation? _augmentation;
    private readonly int _seed;
    private readonly IReadOnlyList<Range> _taken; // the elements that are taken of a sample of several inputs

    /// <summary>Prepares a loader; reads the first sample, whose shape all the others must have.</summary>
    /// <param name="dataset">The samples.</param>
    /// <param name="preprocessing">Of images.</param>
    /// <param name="augmentation">Of images; null for none.</param>
    /// <param name="seed">Of the augmentation.</param>
    /// <param name="taken">The elements of a sample of several inputs that are written, in this order; null: all of them.</param>
    /// <exception cref="PithException">The preprocessing makes no sense, or does not fit the dataset, or the augmentation does not.</exception>
    public SampleLoader(ImageDataset dataset, Preprocessing preprocessing, Augmentation? augmentation, int seed, IReadOnlyList<Range>? taken = null)
    {
        (_dataset, _preprocessing, _augmentation, _seed) = (dataset, preprocessing, augmentation, seed);
        _normalizer = new PixelNormalizer(preprocessing);
        var first = dataset.Load(0);
        augmentation?.Policy?.RequireFit(first, dataset.Name);
        (Shape, TakesTokens, Inputs, _taken) = (first.Image is { } image ? preprocessing.OutputShape(image.Width, image.Height) : first.Shape, first.IsSequence, first.Inputs, taken ?? [Range.All]);
        if (taken is not null) Shape = new ImageShape(1, 1, taken.Sum(range => range.GetOffsetAndLength(first.Values.Length).Length));
    }

    /// <summary>The shape of a sample.</summary>
    public ImageShape Shape { get; }

    /// <summary>Whether the samples are sequences of token ids.</summary>
    public bool TakesTokens { get; }

    /// <summary>What each sample holds by name; null where samples are images or sequences.</summary>
    public IReadOnlyList<SampleInput>? Inputs { get; }

    /// <summary>Writes a sample, [C, H, W].</summary>
    /// <returns>Its label.</returns>
    /// <exception cref="PithException">It cannot be read, or has another shape than the first.</exception>
    public int Load(int index, int epoch, Span<float> chw)
    {
        var random = new SeededRandom(_seed, epoch, index);
        var shift = _augmentation?.Draw(ref random) ?? PixelShift.None;
        var policy = _augmentation?.Policy;
        int label;
        if (policy?.Crop is { } crop)
        {
            // The window is of the network's size already.
            (label, var image) = LoadPart(index, crop, ref random);
            Write(image, policy, shift with { X = 0, Y = 0 }, ref random, chw);
        }
        else
        {
            var sample = _dataset.Load(index);
            label = sample.Label;
            if (Inputs is not null || sample.Inputs is not null) WriteInputs(sample, index, chw);
            else if (sample.Image is { } image)
            {
                var fitted = _preprocessing.Fit(image);
                Expect(new ImageShape(fitted.Channels, fitted.Height, fitted.Width), index);
                Write(fitted, policy, shift, ref random, chw);
            }
            else
            {
                Expect(sample.Shape, index);
                // The order of tokens is what they say: crops and mirror images are for images.
                (sample.IsSequence ? PixelShift.None : shift).Move(sample.Values.Span, sample.Shape, chw);
            }
        }
        foreach (var step in policy?.OfValues ?? []) step.Apply(chw, Shape, ref random);
        return label;
    }

    private void Write(Image fitted, AugmentationPolicy? policy, PixelShift shift, ref SeededRandom random, Span<float> chw)
    {
        foreach (var step in policy?.OfPixels ?? []) fitted = step.Apply(fitted, ref random);
        _normalizer.Write(fitted, shift, chw);
    }

    private void WriteInputs(Sample sample, int index, Span<float> values)
    {
        if (!ReferenceEquals(sample.Inputs, Inputs) && !(sample.Inputs is not null && Inputs is not null && sample.Inputs.SequenceEqual(Inputs)))
            throw new PithException($"Dataset '{_dataset.Name}': sample {index} holds {Text(sample.Inputs)}, sample 0 {Text(Inputs)}. A batch needs one length: pad or cut the data.");
        foreach (var range in _taken)
        {
            var part = sample.Values.Span[range];
            part.CopyTo(values);
            values = values[part.Length..];
        }
        static string Text(IReadOnlyList<SampleInput>? inputs) => inputs is null ? "no inputs by name" : string.Join(", ", inputs.Select(input => $"{input.Name} {input.Shape}"));
    }

    /// <summary>The drawn part of an image, resized to the network's input. A large part of a JPEG image is decoded at a half, a quarter or an eighth of its size, as long as that is not below the input's.</summary>
    private (int Label, Image Image) LoadPart(int index, ICropAugmentation crop, ref SeededRandom random)
    {
        var (stream, window, divisor) = (random, default(CropWindow), 0);
        var sample = _dataset.Load(index, (width, height) =>
        {
            window = crop.Draw(width, height, ref stream);
            return divisor = s_reductions.FirstOrDefault(reduction => window.Width >= reduction * Shape.Width && window.Height >= reduction * Shape.Height, 1);
        });
        var image = sample.Image ?? throw new PithException($"Dataset '{_dataset.Name}': sample {index} has values, sample 0 has an image. Expected all of one kind.");
        if (divisor == 0) window = crop.Draw(image.Width, image.Height, ref stream);
        else if (divisor > 1) window = Divide(window, divisor);
        random = stream;
        return (sample.Label, PixelChannels.Convert(Resampling.Resize(image, window, Shape.Width, Shape.Height, _preprocessing.Filter), Shape.Channels));
    }

    /// <summary>The window in an image whose sizes were divided, to the nearest pixel.</summary>
    private static CropWindow Divide(CropWindow window, int divisor)
    {
        var (left, top) = (Nearest(window.Left), Nearest(window.Top));
        return new CropWindow(left, top, Nearest(window.Left + window.Width) - left, Nearest(window.Top + window.Height) - top);

        int Nearest(int position) => (position + divisor / 2) / divisor;
    }

    private void Expect(ImageShape shape, int index)
    {
        if (shape != Shape)
            throw new PithException($"Dataset '{_dataset.Name}': sample {index} becomes {shape}, sample 0 becomes {Shape}. A batch needs one shape: set resize and crop in the preprocessing.");
    }
}
