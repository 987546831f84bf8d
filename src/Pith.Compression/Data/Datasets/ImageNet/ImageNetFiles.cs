namespace Pith.Compression.Data;

/// <summary>An image of ImageNet: a file, or a part of a tar archive.</summary>
/// <param name="File">The file or archive.</param>
/// <param name="Position">Where the image begins in the archive; 0 for a file of its own.</param>
/// <param name="Length">Its bytes; 0 for a file of its own.</param>
/// <param name="Name">Its name without folders.</param>
/// <param name="Synset">Its WordNet ID, by the folder or archive that it lies in; null when it lies in none, as the validation images.</param>
internal readonly record struct ImageNetImage(string File, long Position, int Length, string Name, string? Synset);

/// <summary>
/// Finds the images of ImageNet-2012 as it is distributed: ILSVRC2012_img_train.tar (an archive of archives, one for each class), ILSVRC2012_img_val.tar, or what they unpack to: archives or folders called by WordNet IDs,
/// or the validation images in one folder. Also finds the lists that belong to it, in the development kit too.
/// </summary>
internal sealed class ImageNetFiles
{
    // A header of 512 bytes stands before each image of a hundred thousand.
    private const int HeaderBufferBytes = 4096;

    private const string DevelopmentKit = "ILSVRC2012_devkit_t12.tar.gz";

    private static readonly string[] s_train = ["ILSVRC2012_img_train.tar", "train", "ILSVRC2012_img_train", "Data/CLS-LOC/train", "ILSVRC/Data/CLS-LOC/train"];
    private static readonly string[] s_validation = ["ILSVRC2012_img_val.tar", "val", "validation", "ILSVRC2012_img_val", "Data/CLS-LOC/val", "ILSVRC/Data/CLS-LOC/val"];
    private static readonly string[] s_listFolders = ["", "data", "devkit/data", "ILSVRC2012_devkit_t12/data", ".."];

    private readonly string _spec;

    private ImageNetFiles(string spec, string source, string root) => (_spec, Source, Root) = (spec, source, root);

    /// <summary>The archive or folder that holds the images.</summary>
    public string Source { get; }

    /// <summary>The folder that lists are looked for in.</summary>
    public string Root { get; }

    /// <summary>Finds where the images are.</summary>
    /// <exception cref="PithException">There is nothing there, or the part must be chosen.</exception>
    public static ImageNetFiles Find(DatasetSpec spec)
    {
        var path = spec.Path;
        if (File.Exists(path)) return new ImageNetFiles(spec.Text, path, Path.GetDirectoryName(Path.GetFullPath(path))!);
        if (!Directory.Exists(path)) throw new PithException($"Dataset '{spec.Text}': no file or folder '{path}'. Check the path.");
        string? Part(string[] names) => names.Select(name => Path.Combine(path, name)).FirstOrDefault(found => File.Exists(found) || Directory.Exists(found));
        var (train, validation) = (Part(s_train), Part(s_validation));
        var source = spec.Option("split") switch
        {
            "train" => train ?? throw Missing("training", s_train),
            "val" => validation ?? throw Missing("validation", s_validation),
            null when train is not null && validation is not null => throw new PithException($"Dataset '{spec.Text}': '{path}' has training and validation images. Add ?split=train or ?split=val."),
            null => train ?? validation ?? path,
            var other => throw new PithException($"Dataset '{spec.Text}': option 'split' expects train or val, got '{other}'."),
        };
        return new ImageNetFiles(spec.Text, source, path);

        PithException Missing(string part, string[] names) => new($"Dataset '{spec.Text}': '{path}' has no {part} images. Expected one of {string.Join(", ", names)}.");
    }

    /// <summary>Everything that the data is made of.</summary>
    public IEnumerable<string> All => [.. Images([]).Select(image => image.File).Distinct(), .. ListFiles(ImageNetLabels.Names)];

    /// <summary>The images, in the order of their archives or folders.</summary>
    /// <param name="notes">Receives what was left out.</param>
    /// <exception cref="PithException">An archive is damaged, or there is no image.</exception>
    public IReadOnlyList<ImageNetImage> Images(List<string> notes)
    {
        try
        {
            var images = (File.Exists(Source) ? OfArchive(Source, null) : OfFolder(notes)).ToArray();
            return images.Length > 0 ? images : throw new PithException($"Dataset '{_spec}': '{Source}' holds no image. Expected archives or folders called by WordNet IDs (n01440764), or images.");
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(Source, e);
        }
    }

    /// <summary>The first of some lists that there is: name and content.</summary>
    /// <exception cref="PithException">It cannot be read.</exception>
    public (string Source, byte[] Content)? List(params ReadOnlySpan<string> names)
    {
        if (ListFiles(names.ToArray()).FirstOrDefault(path => !path.EndsWith(DevelopmentKit, StringComparison.Ordinal)) is { } file) return (file, DataFile.ReadAllBytes(file));
        var kit = Path.Combine(Root, DevelopmentKit);
        if (!File.Exists(kit)) return null;
        using var archive = new MemoryStream(DataFile.ReadAllBytesOrGzip(kit));
        var entries = TarArchive.Entries(archive, archive.Length, kit).ToArray();
        foreach (var name in names)
            if (entries.FirstOrDefault(entry => Path.GetFileName(entry.Name) == name) is { Name: not null } found)
                return ($"{kit}:{found.Name}", archive.ToArray().AsSpan((int)found.Position, (int)found.Length).ToArray());
        return null;
    }

    private IEnumerable<string> ListFiles(string[] names) =>
        [.. names.Select(name => s_listFolders.Select(folder => Path.Combine(Root, folder, name)).FirstOrDefault(File.Exists)).OfType<string>(), .. new[] { Path.Combine(Root, DevelopmentKit) }.Where(File.Exists)];

    private IEnumerable<ImageNetImage> OfFolder(List<string> notes)
    {
        string[] archives = [.. Directory.GetFiles(Source, "n*.tar").Where(path => Synsets.IsId(Path.GetFileNameWithoutExtension(path))).Order(StringComparer.Ordinal)];
        if (archives.Length > 0) return archives.SelectMany(path => OfArchive(path, Path.GetFileNameWithoutExtension(path)));
        var found = ImageFolderFiles.Find(Source, _spec);
        notes.AddRange(found.Notes);
        if (found.Folders.FirstOrDefault(folder => !Synsets.IsId(folder.Name)) is { } other)
            throw new PithException($"Dataset '{_spec}': folder '{other.Name}' in '{Source}' is not called by a WordNet ID such as n01440764. For classes with other names use imagefolder:{Source}.");
        return [.. found.Folders.SelectMany(folder => folder.Images.Select(file => new ImageNetImage(file, 0, 0, Path.GetFileName(file), folder.Name))), .. found.Loose.Select(file => new ImageNetImage(file, 0, 0, Path.GetFileName(file), null))];
    }

    /// <summary>The images of an archive, and of the archives in it; what is in an archive or folder called by a WordNet ID is of that class.</summary>
    private static IEnumerable<ImageNetImage> OfArchive(string path, string? synset)
    {
        using var file = OrdinaryFile.Open(path, HeaderBufferBytes);
        foreach (var entry in TarArchive.Entries(file, file.Length, path))
        {
            var name = Path.GetFileName(entry.Name);
            if (name.EndsWith(".tar", StringComparison.OrdinalIgnoreCase) && Synsets.IsId(Path.GetFileNameWithoutExtension(name)))
            {
                // Each archive has a stream of its own: both move.
                using var inner = OrdinaryFile.Open(path, HeaderBufferBytes);
                inner.Position = entry.Position;
                foreach (var image in TarArchive.Entries(inner, entry.Position + entry.Length, $"{path}:{entry.Name}").Where(image => ImageFormat.HasSuffix(image.Name)))
                    yield return Image(image, Path.GetFileNameWithoutExtension(name));
            }
            else if (ImageFormat.HasSuffix(name))
            {
                var folder = Path.GetFileName(Path.GetDirectoryName(entry.Name) ?? "");
                yield return Image(entry, Synsets.IsId(folder) ? folder : synset);
            }
        }

        ImageNetImage Image(TarEntry entry, string? of) => entry.Length is > 0 and <= int.MaxValue ? new ImageNetImage(path, entry.Position, (int)entry.Length, Path.GetFileName(entry.Name), of)
            : throw new PithException($"'{path}', entry '{entry.Name}' at byte {entry.Position}: {entry.Length} bytes, expected an image. The archive is damaged.");
    }
}
