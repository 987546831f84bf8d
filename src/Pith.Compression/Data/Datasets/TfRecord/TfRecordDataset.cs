using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>
/// Images in TFRecord files of tf.train.Example: an encoded image and a label in each record. Files are listed when the dataset is opened, which reads what stands around the images; an image is read, and compared with its
/// checksum, when it is loaded, in any order.
/// </summary>
public sealed class TfRecordDataset : ImageDataset
{
    private const string DefaultImage = "image/encoded", DefaultLabel = "image/class/label";
    private const int MaxLabel = 999_999;
    // A record's header and the features around its image.
    private const int BufferBytes = 4096;

    private static readonly string[] s_train = ["train", "training"], s_others = ["validation", "val", "test"];

    private readonly IndexedImage[] _images;
    private readonly ImageDecodingOptions _decoding;

    private TfRecordDataset(string name, IndexedImage[] images, int classes, IProgress<PithEvent>? events)
    {
        (Name, _images, _decoding) = (name, images, new ImageDecodingOptions { Events = events is null ? null : new FirstNotes(events, name) });
        ClassNames = [.. Enumerable.Range(0, classes).Select(label => label.ToString(CultureInfo.InvariantCulture))];
    }

    internal static DatasetKind Kind { get; } = new("tfrecord", "tfrecord:PATH",
        $"TFRecord files of tf.train.Example: files separated by commas, a pattern such as train-*, or a folder (with ?split=train, validation, …: the files that have the word in their names). The encoded image is the feature {DefaultImage}, the class {DefaultLabel}; ?image=NAME,label=NAME for others. ?first-label=1 says that labels count from 1 (TF-Slim's ImageNet), ?first-label=0 that they are the network's classes; without it there must be a label 0.",
        TakesPath: true, ["split", "image", "label", "first-label"], Paths, Open);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _images.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override ImageShape? Shape => null;

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing => Preprocessing.ImageNet;

    /// <inheritdoc/>
    public override int Label(int index) => _images[index].Label;

    /// <inheritdoc/>
    public override Sample Load(int index) => Load(index, _decoding);

    internal override Sample Load(int index, Func<int, int, int> reduction) => Load(index, _decoding with { Reduction = reduction });

    private Sample Load(int index, ImageDecodingOptions decoding)
    {
        var image = _images[index];
        var content = TfRecordFile.Content(image.File, image.Record);
        return new Sample(image.Label, ImageDecoder.Decode(content.Span.Slice(image.Offset, image.Length), $"{image.File}, record {image.Record.Number}", decoding));
    }

    internal override ContentKey Content(int index, bool whole) => ContentKey.OfPart(_images[index].File, _images[index].Record.Position + _images[index].Offset, _images[index].Length, whole);

    private static string[] Paths(DatasetSpec spec)
    {
        var split = spec.Option("split");
        if (!Directory.Exists(spec.Path)) return split is null ? DataPaths.List(spec.Path, spec.Text) : throw new PithException($"Dataset '{spec.Text}': option 'split' chooses files of a folder, and '{spec.Path}' is none.");
        string[] files = [.. DataPaths.Matching(spec.Path, "*").Where(path => Path.GetFileName(path) is var name && (name.Contains(".tfrecord", StringComparison.Ordinal) || name.Contains("-of-", StringComparison.Ordinal)))];
        if (split is null && files.Any(file => Words(file).Intersect(s_train).Any()) && files.Any(file => Words(file).Intersect(s_others).Any()))
            throw new PithException($"Dataset '{spec.Text}': the folder has training files and others. Add ?split=train, or another word of their names.");
        if (split is not null) files = [.. files.Where(file => Words(file).Contains(split))];
        return files.Length > 0 ? files : throw new PithException($"Dataset '{spec.Text}': '{spec.Path}' has no such file. Expected names with .tfrecord or -of-{(split is null ? "" : $", and the word '{split}'")}.");
    }

    // imagenet2012-train.tfrecord-00000-of-01024: imagenet2012, train, tfrecord, …
    private static string[] Words(string path) => Path.GetFileName(path).Split('-', '.', '_');

    private static TfRecordDataset Open(DatasetSpec spec, IProgress<PithEvent>? events)
    {
        var images = new List<IndexedImage>();
        foreach (var path in Paths(spec)) Index(path, spec, images);
        if (images.Count == 0) throw new PithException($"Dataset '{spec.Text}' has no record.");
        var unlabelled = images.Where(image => image.Label == NoLabel).ToArray();
        if (unlabelled.Length == images.Count) return new TfRecordDataset(spec.Text, [.. images], 0, events);
        if (unlabelled.Length > 0) throw new PithException($"Dataset '{spec.Text}': {unlabelled.Length} of {images.Count} records have no label, the first is record {unlabelled[0].Record.Number} of '{unlabelled[0].File}'. Expected all, or none for calibration.");
        var first = FirstLabel(spec, images);
        IndexedImage[] counted = [.. images.Select(image => image.Label >= first ? image with { Label = image.Label - first }
            : throw new PithException($"'{image.File}', record {image.Record.Number} at byte {image.Record.Position}: label {image.Label}, but ?first-label={first} says that they count from {first}."))];
        return new TfRecordDataset(spec.Text, counted, counted.Max(image => image.Label) + 1, events);
    }

    /// <summary>What is subtracted from each label.</summary>
    private static int FirstLabel(DatasetSpec spec, List<IndexedImage> images)
    {
        var given = spec.Option("first-label") is null ? null : (int?)spec.Integer("first-label", 0, 0, 1);
        var (least, most) = (images.Min(image => image.Label), images.Max(image => image.Label));
        return given ?? (least == 0 ? 0 : throw new PithException($"Dataset '{spec.Text}': labels are {least} to {most}, and it is not known whether they count from 0 or 1. Add ?first-label=1 when label 1 is the network's first class, as in TF-Slim's ImageNet, or ?first-label=0 when the labels are the network's classes."));
    }

    private static void Index(string path, DatasetSpec spec, List<IndexedImage> images)
    {
        var (imageName, labelName) = (spec.Option("image") ?? DefaultImage, spec.Option("label") ?? DefaultLabel);
        try
        {
            using var file = OrdinaryFile.Open(path, BufferBytes);
            // Two readers: both move.
            using var content = OrdinaryFile.Open(path, BufferBytes);
            foreach (var record in TfRecordFile.Records(file, path))
            {
                try
                {
                    var example = new TfExample(content, record);
                    var (begin, end) = example.Bytes(imageName) ?? throw new InvalidDataException($"there is no feature '{imageName}'; it has {string.Join(", ", example.Names.Select(name => $"'{name}'"))}. Name the image's and the label's: ?image=NAME,label=NAME");
                    images.Add(new IndexedImage(path, record, (int)(begin - record.Position), (int)(end - begin), LabelOf(example, labelName, isChosen: spec.Option("label") is not null)));
                }
                catch (InvalidDataException wrong)
                {
                    throw new PithException($"'{path}', record {record.Number} at byte {record.Position}: {wrong.Message}. Expected a tf.train.Example with '{imageName}' and '{labelName}'.", wrong);
                }
            }
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(path, e);
        }
    }

    private static int LabelOf(TfExample example, string name, bool isChosen) => example.Integer(name) switch
    {
        null when isChosen => throw new InvalidDataException($"there is no feature '{name}'; it has {string.Join(", ", example.Names.Select(known => $"'{known}'"))}"),
        null or NoLabel => NoLabel, // TensorFlow Datasets mark test images by -1
        >= 0 and <= MaxLabel and var label => (int)label,
        var label => throw new InvalidDataException($"label {label}, expected 0 to {MaxLabel}"),
    };

    private readonly record struct IndexedImage(string File, TfRecord Record, int Offset, int Length, int Label);
}
