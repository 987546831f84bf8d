using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>
/// Images, token sequences or several inputs by name, and labels, in a NumPy archive. uint8 images, [N,H,W], [N,H,W,C] or [N,C,H,W] with C of 1 or 3, are preprocessed like any
/// other; floating-point [N,C,H,W] is taken for the network's input as it is, and so are integers [N,T], the token ids of sequences, and arrays [N,…] that are named after a network's inputs. Labels are integers, [N] or [N,1].
/// </summary>
public sealed class NpzDataset : ImageDataset
{
    private const int MaxLabel = 999_999, MostListed = 12;

    // Batches are floats, which hold whole numbers up to this one.
    private const int MaxToken = 1 << 24;

    private const string ImagesName = "images";
    private const string LabelsName = "labels";
    private const string TokensName = "input_ids";

    // The names that people use, with what they say about the part: null = nothing.
    private static readonly (string Images, string Labels, bool? IsTrain)[] _knownNames =
    [
        (ImagesName, LabelsName, null), ("x", "y", null),
        ("x_train", "y_train", true), ("train_images", "train_labels", true),
        ("x_test", "y_test", false), ("test_images", "test_labels", false),
    ];

    private readonly int[] _labels;
    private readonly Func<int, int, Sample> _load; // (index, label)
    private readonly string[] _classNames;

    private NpzDataset(string name, int[] labels, ImageShape shape, Func<int, int, Sample> load)
    {
        (Name, _labels, Shape, _load) = (name, labels, shape, load);
        // Without labels the largest is NoLabel, and there are no classes.
        _classNames = [.. Enumerable.Range(0, labels.Max() + 1).Select(c => c.ToString(CultureInfo.InvariantCulture))];
        DefaultPreprocessing = shape.Channels == 3 ? Preprocessing.Raw with { Scale = 1.0 / 255 } : Preprocessing.Raw with { Scale = 1.0 / 255, Mean = [0], Std = [1] };
    }

    internal static DatasetKind Kind { get; } = new("npz", "npz:PATH",
        "A NumPy archive with images (uint8 [N,H,W,C], [N,H,W] or [N,C,H,W], or float [N,C,H,W] taken as it is) or token sequences (integers [N,T]), and labels, named images/labels, x/y, x_train/y_train, x_test/y_test, train_images/train_labels or test_images/test_labels; ?split=train or ?split=test where it has both. Or with an array [N,…] for each input of the network, named after it (input_ids, attention_mask …), and labels, which may be missing for calibration.",
        TakesPath: true, ["split"], spec => [spec.Path], (spec, _) => Open(spec));

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _labels.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classNames;

    /// <inheritdoc/>
    public override ImageShape? Shape { get; }

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing { get; }

    /// <summary>Takes two arrays as a dataset, without copying them where their layout allows.</summary>
    /// <param name="images">See <see cref="NpzDataset"/>.</param>
    /// <param name="labels">Integers from 0, one for each image; null: none, which serves for calibration.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="PithException">Shapes or types do not fit.</exception>
    public static NpzDataset Create(Tensor images, Tensor? labels, string name)
    {
        ArgumentNullException.ThrowIfNull(images);
        var dims = images.Shape;
        if (dims.Rank is not (2 or 3 or 4) || dims.Length == 0) throw Unfit(name, images);
        var checkedLabels = Labels(labels, dims[0], name);
        if (images.DataType.IsFloat() && dims.Rank == 4)
        {
            var shape = new ImageShape(dims[1], dims[2], dims[3]);
            var values = images.ConvertTo(DataType.Float32).As<float>().Data;
            return new NpzDataset(name, checkedLabels, shape, (i, label) => new Sample(label, values.AsMemory(i * shape.Elements, shape.Elements), shape));
        }
        if (dims.Rank == 2) return OfTokens(images, checkedLabels, name);
        if (images is not Tensor<byte> bytes) throw Unfit(name, images);
        var (imageShape, pixels) = Pixels(bytes, name);
        return new NpzDataset(name, checkedLabels, imageShape, (i, label) =>
            new Sample(label, new Image(imageShape.Width, imageShape.Height, imageShape.Channels, pixels.AsMemory(i * imageShape.Elements, imageShape.Elements))));
    }

    /// <summary>Takes an array for each input of a network as a dataset.</summary>
    /// <param name="inputs">The inputs by name, each [N,…]: floats, or integers below 2^24. Token ids alone, integers [N,T] called <c>input_ids</c>, are for any network of one input.</param>
    /// <param name="labels">Integers from 0, one for each sample; null: none, which serves for calibration.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="PithException">Shapes or types do not fit.</exception>
    public static NpzDataset Create(IReadOnlyList<KeyValuePair<string, Tensor>> inputs, Tensor? labels, string name)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count == 0) throw new PithException($"Dataset '{name}' has no inputs.");
        var count = inputs[0].Value.Shape.Rank > 0 ? inputs[0].Value.Shape[0] : 0;
        foreach (var (input, tensor) in inputs)
            if (tensor.Shape.Rank == 0 || tensor.Shape[0] != count || tensor.Length == 0) throw new PithException($"Dataset '{name}': '{input}' is {tensor}, expected [{(count == 0 ? "N" : count)},…]: a row for each sample{(tensor == inputs[0].Value ? "" : $", as '{inputs[0].Key}' {inputs[0].Value} has")}.");
        var numbers = Labels(labels, count, name);
        if (inputs is [{ Key: TokensName, Value: { Shape.Rank: 2 } ids }] && !ids.DataType.IsFloat()) return OfTokens(ids, numbers, name);
        SampleInput[] parts = [.. inputs.Select(input => new SampleInput(input.Key, new Shape([.. input.Value.Shape.Dims.Skip(1)])))];
        float[][] values = [.. inputs.Select(input => input.Key == TokensName ? Tokens(input.Value, name) : Values(input.Key, input.Value, name))];
        var elements = parts.Sum(part => part.Shape.Length);
        return new NpzDataset(name, numbers, new ImageShape(1, 1, elements), (i, label) =>
        {
            var sample = new float[elements];
            var at = 0;
            for (var input = 0; input < parts.Length; input++)
            {
                var length = parts[input].Shape.Length;
                values[input].AsSpan(i * length, length).CopyTo(sample.AsSpan(at));
                at += length;
            }
            return Sample.OfInputs(label, parts, sample);
        });
    }

    /// <inheritdoc/>
    public override int Label(int index) => _labels[index];

    /// <inheritdoc/>
    public override Sample Load(int index) => _load(index, _labels[index]);

    private static NpzDataset Open(DatasetSpec spec)
    {
        var names = Npz.Names(spec.Path);
        var wantsTrain = spec.WantsTrain();
        var found = _knownNames.Where(k => names.Contains(k.Images) && names.Contains(k.Labels) && (wantsTrain is null || k.IsTrain is null || k.IsTrain == wantsTrain)).ToArray();
        if (found.Length > 1) throw new PithException($"Dataset '{spec.Text}': {found.Length} pairs of images and labels fit: {string.Join(", ", found.Select(k => $"{k.Images}/{k.Labels}"))}. Add ?split=train or ?split=test.");
        if (found is [var pair]) return Create(Npz.Read(spec.Path, pair.Images), Npz.Read(spec.Path, pair.Labels), spec.Text);
        if (wantsTrain is null && names.Contains(ImagesName)) return Create(Npz.Read(spec.Path, ImagesName), null, spec.Text);
        var inputs = names.Where(name => name != LabelsName).ToArray();
        if (inputs.Length is 0 or > MostListed || wantsTrain is not null)
            throw new PithException($"Dataset '{spec.Text}': the archive has {string.Join(", ", names.Take(MostListed))}{(names.Count > MostListed ? $" and {names.Count - MostListed} more" : "")}. Expected images and labels called {string.Join(", ", _knownNames.Select(k => $"{k.Images}/{k.Labels}"))}, of the part that ?split= names; or arrays that are called as the network's inputs are, and {LabelsName}.");
        return Create([.. inputs.Select(name => KeyValuePair.Create(name, Npz.Read(spec.Path, name)))], names.Contains(LabelsName) ? Npz.Read(spec.Path, LabelsName) : null, spec.Text);
    }

    private static NpzDataset OfTokens(Tensor sequences, int[] labels, string name)
    {
        var (ids, tokens) = (Tokens(sequences, name), sequences.Shape[1]);
        return new NpzDataset(name, labels, new ImageShape(1, 1, tokens), (i, label) => Sample.OfTokens(label, ids.AsMemory(i * tokens, tokens)));
    }

    private static float[] Values(string input, Tensor tensor, string name)
    {
        var values = tensor.ConvertTo(DataType.Float32).As<float>().Data;
        if (!tensor.DataType.IsFloat())
            foreach (var value in values)
                if (MathF.Abs(value) >= MaxToken) throw new PithException($"Dataset '{name}': '{input}' has {value:R}, expected integers below {MaxToken}.");
        return values;
    }

    private static int[] Labels(Tensor? labels, int count, string name)
    {
        if (labels is null) return [.. Enumerable.Repeat(NoLabel, count)];
        if (labels.DataType.IsFloat() || labels.Length != count || labels.Shape.Rank is 0 or > 2 || labels.Shape[0] != count)
            throw new PithException($"Dataset '{name}': labels are {labels}, expected {count} integers.");
        var values = labels.ConvertTo(DataType.Int64).ToInt64s();
        foreach (var label in values)
            if (label is < 0 or > MaxLabel) throw new PithException($"Dataset '{name}': label {label}, expected 0 to {MaxLabel}.");
        return Array.ConvertAll(values, label => (int)label);
    }

    private static float[] Tokens(Tensor tokens, string name)
    {
        if (tokens.DataType.IsFloat() || tokens.DataType == DataType.Bool) throw Unfit(name, tokens);
        var ids = tokens.ConvertTo(DataType.Int64).ToInt64s();
        foreach (var id in ids)
            if (id is < 0 or > MaxToken) throw new PithException($"Dataset '{name}': token {id}, expected 0 to {MaxToken}.");
        return Array.ConvertAll(ids, id => (float)id);
    }

    private static (ImageShape Shape, byte[] Pixels) Pixels(Tensor<byte> images, string name)
    {
        var dims = images.Shape;
        if (dims.Rank == 3) return (new ImageShape(1, dims[1], dims[2]), images.Data);
        if (dims[3] is 1 or 3) return (new ImageShape(dims[3], dims[1], dims[2]), images.Data);
        if (dims[1] is not (1 or 3)) throw Unfit(name, images);
        var shape = new ImageShape(dims[1], dims[2], dims[3]);
        return (shape, Interleave(images.Data, shape));
    }

    /// <summary>[N,C,H,W] to [N,H,W,C].</summary>
    private static byte[] Interleave(byte[] planes, ImageShape shape)
    {
        var pixels = new byte[planes.Length];
        var plane = shape.Height * shape.Width;
        for (var image = 0; image < planes.Length; image += shape.Elements)
            for (var c = 0; c < shape.Channels; c++)
                for (var p = 0; p < plane; p++)
                    pixels[image + p * shape.Channels + c] = planes[image + c * plane + p];
        return pixels;
    }

    private static PithException Unfit(string name, Tensor images) =>
        new($"Dataset '{name}': inputs are {images}, expected images, uint8 [N,H,W], [N,H,W,C] or [N,C,H,W] with C of 1 or 3, or floats [N,C,H,W]; or token sequences, integers [N,T]. Arrays of other shapes are called as the network's inputs are.");
}
