using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>
/// ImageNet-2012 (ILSVRC2012) as it is distributed, in tar archives, or unpacked. Archives are listed when the dataset is opened and never unpacked: each image is read where it lies, so an image takes its own bytes of memory,
/// and any order of images works.
/// </summary>
public sealed class ImageNetDataset : ImageDataset
{
    private readonly (string File, long Position, int Length, int Label)[] _images;
    private readonly ImageDecodingOptions _decoding;

    private ImageNetDataset(string name, (string, long, int, int)[] images, IReadOnlyList<string> classNames, bool isNumberedByName, IProgress<PithEvent>? events) =>
        (Name, _images, ClassNames, IsNumberedByName, _decoding) = (name, images, classNames, isNumberedByName, new ImageDecodingOptions { Events = events is null ? null : new FirstNotes(events, name) });

    internal static DatasetKind Kind { get; } = new("imagenet", "imagenet:PATH",
        "ImageNet-2012 as distributed: the folder with ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and the development kit, one of the archives, or what they unpack to; ?split=train or ?split=val where both are there. Images are read inside the archives. Classes count in the order of their WordNet IDs. Validation images need ILSVRC2012_validation_ground_truth.txt with a list of ILSVRC2012_IDs (map_clsloc.txt, synsets.txt), LOC_val_solution.csv or val.txt; ?ids=sorted says that the ground truth counts WordNet IDs in order.",
        TakesPath: true, ["split", "ids"], spec => ImageNetFiles.Find(spec).All, Open);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _images.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override bool IsNumberedByName { get; }

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
        var (file, position, length, label) = _images[index];
        if (position == 0) return new Sample(label, ImageDecoder.DecodeFile(file, decoding));
        // With the header before it, which has the name.
        var bytes = DataFile.ReadAt(file, position - TarArchive.Block, TarArchive.Block + length);
        return new Sample(label, ImageDecoder.Decode(bytes.AsSpan(TarArchive.Block), $"{file}:{TarArchive.Name(bytes.AsSpan(0, TarArchive.Block))}", decoding));
    }

    internal override ContentKey Content(int index, bool whole)
    {
        var (file, position, length, _) = _images[index];
        return position == 0 ? ContentKey.OfFile(file, whole) : ContentKey.OfPart(file, position, length, whole);
    }

    private static ImageNetDataset Open(DatasetSpec spec, IProgress<PithEvent>? events)
    {
        var idsAreSorted = spec.Option("ids") switch
        {
            null or "devkit" => false,
            "sorted" => true,
            var other => throw new PithException($"Dataset '{spec.Text}': option 'ids' expects devkit or sorted, got '{other}'."),
        };
        var (files, notes) = (ImageNetFiles.Find(spec), new List<string>());
        var images = files.Images(notes);
        foreach (var note in notes) events?.Report(new Warning($"Dataset '{spec.Text}': {note}"));
        var listed = ImageNetLabels.FindSynsets(files);
        var loose = images.Count(image => image.Synset is null);
        if (loose > 0 && loose < images.Count) throw new PithException($"Dataset '{spec.Text}': {loose} of {images.Count} images of '{files.Source}' are in no archive or folder of their class, such as '{images.First(image => image.Synset is null).Name}'. Expected all or none.");
        var classes = listed ?? (loose > 0 ? null : Synsets.OfIds(images.Select(image => image.Synset!), files.Source));
        var label = loose > 0 ? ImageNetLabels.OfValidation(files, listed, idsAreSorted, spec.Text) : image => classes!.ClassOf(image.Synset!, $"'{image.Name}'");
        (string, long, int, int Label)[] labelled = [.. images.Select(image => (image.File, image.Position, image.Length, label(image)))];
        var names = classes?.ClassNames ?? [.. Enumerable.Range(0, labelled.Max(image => image.Label) + 1).Select(number => number.ToString(CultureInfo.InvariantCulture))];
        if (labelled.Max(image => image.Label) >= names.Count) throw new PithException($"Dataset '{spec.Text}': an image is of class {labelled.Max(image => image.Label)}, '{classes!.Source}' lists {names.Count}.");
        return new ImageNetDataset(spec.Text, labelled, names, isNumberedByName: listed is null && loose == 0, events);
    }
}
