namespace Pith.Compression.Data;

/// <summary>
/// A folder with one sub-folder of image files for each class; see <see cref="ImageFolderFiles"/> for what counts. Classes are numbered in ordinal order of the folders' names, or by
/// <c>classes.txt</c> (<see cref="ClassList"/>) in the folder or beside it, so that part of the classes still get the numbers that the network knows them by. A folder of images without sub-folders
/// has no labels. Only paths are held; images are decoded when they are loaded.
/// </summary>
public sealed class ImageFolderDataset : ImageDataset
{
    private const string OrientationOption = "orientation";

    private readonly (string Path, int Label)[] _files;
    private readonly ClassList? _classes;
    private readonly ImageDecodingOptions _decoding;

    private ImageFolderDataset(string name, (string Path, int Label)[] files, ClassList? classes, ImageDecodingOptions decoding) =>
        (Name, _files, _classes, _decoding) = (name, files, classes, decoding);

    internal static DatasetKind Kind { get; } = new("imagefolder", "imagefolder:PATH",
        $"A folder with one sub-folder of images for each class ({ImageFormat.Names}), or of images alone, which have no labels and serve for calibration. A file classes.txt in it or beside it gives the classes the numbers that the network knows: lines INDEX FOLDER NAME, or folder names in the order of the classes; without it they count in order of the folders' names, and there must be as many as outputs. ?orientation=exif turns images as their EXIF data says; by default they stay as stored, as with torchvision.",
        TakesPath: true, [OrientationOption], spec => ImageFolderFiles.Find(spec).All, Open);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _files.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classes?.Names ?? [];

    /// <inheritdoc/>
    public override bool IsNumberedByName => _classes is { IsOfFolders: true };

    /// <inheritdoc/>
    public override ImageShape? Shape => null;

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing => Preprocessing.ImageNet;

    /// <inheritdoc/>
    public override int Label(int index) => _files[index].Label;

    /// <inheritdoc/>
    public override Sample Load(int index) => Load(index, _decoding);

    internal override Sample Load(int index, Func<int, int, int> reduction) => Load(index, _decoding with { Reduction = reduction });

    private Sample Load(int index, ImageDecodingOptions decoding) => new(_files[index].Label, ImageDecoder.DecodeFile(_files[index].Path, decoding));

    internal override ContentKey Content(int index, bool whole) => ContentKey.OfFile(_files[index].Path, whole);

    private static ImageFolderDataset Open(DatasetSpec spec, IProgress<PithEvent>? events)
    {
        var decoding = new ImageDecodingOptions { ApplyOrientation = AppliesOrientation(spec), Events = events is null ? null : new FirstNotes(events, spec.Text) };
        var found = ImageFolderFiles.Find(spec);
        foreach (var note in found.Notes) events?.Report(new Warning($"Dataset '{spec.Text}': {note}"));
        if (found.Folders.Count == 0) return new ImageFolderDataset(spec.Text, [.. found.Loose.Select(file => (file, NoLabel))], null, decoding);
        var folders = found.Folders.Select(folder => folder.Name).ToArray();
        var classes = found.ClassList is { } list ? ClassList.Read(list, folders) : ClassList.OfFolders(folders, found.Root);
        return new ImageFolderDataset(spec.Text, [.. found.Folders.SelectMany(folder => folder.Images.Select(file => (file, classes.IndexOf(folder.Name))))], classes, decoding);
    }

    private static bool AppliesOrientation(DatasetSpec spec) => spec.Option(OrientationOption) switch
    {
        null or "stored" => false,
        "exif" => true,
        var other => throw new PithException($"Dataset '{spec.Text}': option '{OrientationOption}' expects exif or stored, got '{other}'."),
    };
}
