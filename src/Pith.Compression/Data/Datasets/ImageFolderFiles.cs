namespace Pith.Compression.Data;

/// <summary>A class folder.</summary>
/// <param name="Name">The name of the folder.</param>
/// <param name="Images">The images in it and below it, in ordinal order of their paths.</param>
internal sealed record ClassFolder(string Name, IReadOnlyList<string> Images);

/// <summary>
/// The image files of a folder with class folders: files whose names end as an image's do, at any depth below their class folder. Files and folders whose names start with a dot are ignored.
/// <see cref="Notes"/> says what was left out and what may not be intended.
/// </summary>
internal sealed class ImageFolderFiles
{
    private const string ClassListName = "classes.txt", ImagesName = "images";

    private static readonly string[] s_splitNames = ["train", "training", "val", "valid", "validation", "test"];

    private readonly SortedDictionary<string, int> _leftOut = new(StringComparer.Ordinal);
    private readonly HashSet<string> _visited = new(StringComparer.Ordinal);
    private int _nested;

    private ImageFolderFiles(string root) => Root = root;

    /// <summary>The folder that holds the class folders.</summary>
    public string Root { get; }

    /// <summary>The file that numbers the classes, in the folder or beside it; null when there is none.</summary>
    public string? ClassList => new[] { Path.Combine(Root, ClassListName), Path.Combine(Path.GetFullPath(Root), "..", ClassListName) }.FirstOrDefault(File.Exists);

    /// <summary>Everything that the dataset is made of: images, the list of classes, and folders without images, which count as classes.</summary>
    public IEnumerable<string> All =>
        [.. Folders.SelectMany(folder => folder.Images.DefaultIfEmpty(Path.Combine(Root, folder.Name))), .. Loose, .. ClassList is { } list ? [list] : Array.Empty<string>()];

    /// <summary>The class folders; none when the images lie directly in the folder.</summary>
    public IReadOnlyList<ClassFolder> Folders { get; private set; } = [];

    /// <summary>The images directly in the folder, when there are no class folders.</summary>
    public IReadOnlyList<string> Loose { get; private set; } = [];

    /// <summary>For the user.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Finds the files of a dataset.</summary>
    /// <exception cref="PithException">The folder does not exist, cannot be read or contains no image, or its sub-folders are splits (train, val, test) instead of classes.</exception>
    public static ImageFolderFiles Find(DatasetSpec spec)
    {
        var root = spec.Path;
        if (!Directory.Exists(root)) throw new PithException($"Dataset '{spec.Text}': no folder '{root}'. Check the path.");
        // The usual layout of a sample: classes.txt beside images/.
        if (File.Exists(Path.Combine(root, ClassListName)) && Directory.Exists(Path.Combine(root, ImagesName))) root = Path.Combine(root, ImagesName);
        return Find(root, spec.Text);
    }

    /// <summary>Finds the files in a folder that exists.</summary>
    /// <exception cref="PithException">As in the other.</exception>
    public static ImageFolderFiles Find(string root, string spec)
    {
        try
        {
            return Search(root, spec);
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(root, e);
        }
    }

    private static ImageFolderFiles Search(string root, string spec)
    {
        var files = new ImageFolderFiles(root);
        var folders = Visible(Directory.GetDirectories(root)).Select(path => new ClassFolder(Path.GetFileName(path), files.Below(path, depth: 0))).ToArray();
        var loose = files.Images(Visible(Directory.GetFiles(root)).Where(path => Path.GetFileName(path) != ClassListName));
        var hasClasses = folders.Any(folder => folder.Images.Count > 0);
        if (!hasClasses && loose.Count == 0)
            throw new PithException($"Dataset '{spec}': '{root}' holds no image. Expected one sub-folder for each class, with images in it ({ImageFormat.AllSuffixes}){files.LeftOut(" Found instead: ")}.");
        if (hasClasses && folders.Length > 1 && folders.All(folder => s_splitNames.Contains(folder.Name.ToLowerInvariant())))
            throw new PithException($"Dataset '{spec}': the sub-folders of '{root}' are parts of a dataset ({string.Join(", ", folders.Select(folder => folder.Name))}), not classes. Name one of them, such as 'imagefolder:{Path.Combine(root, folders[0].Name)}'.");
        if (hasClasses) files.Folders = folders;
        else files.Loose = loose;
        files.Note(hasClasses ? loose.Count : 0);
        return files;
    }

    private void Note(int looseCount)
    {
        if (_leftOut.Count > 0) Notes.Add($"{Counted(_leftOut.Values.Sum(), "file was", "files were")} left out because their names do not end as an image's do ({ImageFormat.AllSuffixes}){LeftOut(": ")}.");
        if (looseCount > 0) Notes.Add($"{Counted(looseCount, "image lies", "images lie")} directly in '{Root}' and belong to no class; they were left out.");
        if (_nested > 0) Notes.Add($"{Counted(_nested, "image lies", "images lie")} deeper than in a class folder and count for it; the classes are {Names(Folders)}.");
        var empty = Folders.Where(folder => folder.Images.Count == 0).ToArray();
        if (empty.Length > 0) Notes.Add($"{Counted(empty.Length, "folder holds no image and still counts as a class", "folders hold no image and still count as classes")}: {Names(empty)}.");
    }

    private string LeftOut(string intro) => _leftOut.Count == 0 ? "" : intro + string.Join(", ", _leftOut.Select(kind => $"{kind.Value} {kind.Key}"));

    private List<string> Below(string folder, int depth)
    {
        // A link to a parent folder would be followed without end.
        if (!_visited.Add(new DirectoryInfo(folder).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? Path.GetFullPath(folder))) return [];
        var images = Images(Visible(Directory.GetFiles(folder)));
        if (depth > 0) _nested += images.Count;
        foreach (var sub in Visible(Directory.GetDirectories(folder))) images.AddRange(Below(sub, depth + 1));
        return images;
    }

    private List<string> Images(IEnumerable<string> files)
    {
        var images = new List<string>();
        foreach (var file in files)
        {
            if (ImageFormat.HasSuffix(file))
            {
                images.Add(file);
                continue;
            }
            var suffix = Path.GetExtension(file) is { Length: > 0 } named ? named : "without a suffix";
            _leftOut[suffix] = _leftOut.GetValueOrDefault(suffix) + 1;
        }
        return images;
    }

    private static IEnumerable<string> Visible(string[] paths) => paths.Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal);

    private static string Counted(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";

    private static string Names(IReadOnlyList<ClassFolder> folders)
    {
        const int Most = 6;
        return string.Join(", ", folders.Take(Most).Select(folder => $"'{folder.Name}'")) + (folders.Count > Most ? $" and {folders.Count - Most} more" : "");
    }
}
