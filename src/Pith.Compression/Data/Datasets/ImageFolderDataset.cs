namespace Pith.Compression.Data;

/// <summary>
/// A folder with one sub-folder of JPEG or PNG files for each class. Sub-folders and files are taken in ordinal order. Classes are
/// numbered in that order, or by <c>classes.txt</c> (<c>INDEX FOLDER NAME</c> a line) in the folder or beside it, so that part of
/// the classes still get the numbers that the network knows them by. Only paths are held; images are decoded when they are loaded.
/// </summary>
public sealed class ImageFolderDataset : ImageDataset
{
    private const string ClassesFile = "classes.txt", ImagesFolder = "images";

    private readonly (string Path, int Label)[] _files;

    private ImageFolderDataset(string name, (string Path, int Label)[] files, IReadOnlyList<string> classNames) =>
        (Name, _files, ClassNames) = (name, files, classNames);

    internal static DatasetKind Kind { get; } = new("imagefolder", "imagefolder:PATH",
        "A folder with one sub-folder of JPEG or PNG files for each class. A file classes.txt in it or beside it (lines INDEX FOLDER NAME) gives the classes the numbers that the network knows; without it they count in order of the folders' names.",
        TakesPath: true, [], Open);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _files.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override ImageShape? Shape => null;

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing => Preprocessing.ImageNet;

    /// <inheritdoc/>
    public override int Label(int index) => _files[index].Label;

    /// <inheritdoc/>
    public override Sample Load(int index) => new(_files[index].Label, ImageDecoder.DecodeFile(_files[index].Path));

    private static ImageFolderDataset Open(DatasetSpec spec)
    {
        var root = spec.Path;
        if (!Directory.Exists(root)) throw new PithException($"Dataset '{spec.Text}': no folder '{root}'. Check the path.");
        // The usual layout of a sample: classes.txt beside images/.
        if (File.Exists(Path.Combine(root, ClassesFile)) && Directory.Exists(Path.Combine(root, ImagesFolder))) root = Path.Combine(root, ImagesFolder);
        try
        {
            var folders = Directory.GetDirectories(root).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal).ToArray();
            var classes = ReadClasses(root) ?? ClassList.OfFolders(folders, root);
            var files = folders.SelectMany(folder => ImagesOf(root, folder).Select(file => (file, classes.IndexOf(folder)))).ToArray();
            return files.Length > 0 ? new ImageFolderDataset(spec.Text, files, classes.Names)
                : throw new PithException($"Dataset '{spec.Text}': '{root}' holds no image. Expected one sub-folder for each class, with .jpg, .jpeg or .png files in it.");
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(root, e);
        }
    }

    private static ClassList? ReadClasses(string root)
    {
        string[] places = [Path.Combine(root, ClassesFile), Path.Combine(Path.GetFullPath(root), "..", ClassesFile)];
        return places.FirstOrDefault(File.Exists) is { } path ? ClassList.Read(path) : null;
    }

    private static IEnumerable<string> ImagesOf(string root, string folder) =>
        from file in Directory.GetFiles(Path.Combine(root, folder)).Order(StringComparer.Ordinal)
        where Path.GetExtension(file).ToUpperInvariant() is ".JPG" or ".JPEG" or ".PNG"
        select file;
}
