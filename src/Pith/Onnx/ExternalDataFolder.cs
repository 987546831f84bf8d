namespace Pith.Onnx;

/// <summary>
/// The folder of a model, in which the files of its external data lie. Only ordinary files inside it are opened, whatever symbolic links say; a model that is a link itself may also have its data beside the file
/// that it leads to, as caches of downloaded models do.
/// </summary>
internal sealed class ExternalDataFolder
{
    // As many as Linux follows.
    private const int MostLinks = 40;

    private readonly string _folder;
    private readonly HashSet<string> _roots;

    /// <summary>The folder of the model at <paramref name="model"/>.</summary>
    public ExternalDataFolder(string model)
    {
        var full = Path.GetFullPath(model);
        _folder = Path.GetDirectoryName(full)!;
        _roots = [RealPath(_folder), Path.GetDirectoryName(RealPath(full))!];
    }

    /// <summary>Opens a file that a model names.</summary>
    /// <param name="location">The name, which must not lead out of the folder.</param>
    /// <exception cref="PithException">The location leaves the folder, or the file cannot be read; the message follows a tensor's name.</exception>
    public FileStream Open(string location)
    {
        var parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || parts.Contains("..") || location.Contains('\0', StringComparison.Ordinal) || location.Contains(':', StringComparison.Ordinal)) throw Outside(location);
        var path = Path.Combine([_folder, .. parts]);
        try
        {
            var real = RealPath(path);
            if (!_roots.Any(root => IsWithin(root, real))) throw Outside(location);
            return OrdinaryFile.Open(real);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new PithException($"has its data in '{path}', which cannot be read: {failure.Message} The data files must lie beside the model.", failure);
        }
    }

    private static bool IsWithin(string folder, string path) =>
        path == folder || path.StartsWith(folder.EndsWith(Path.DirectorySeparatorChar) ? folder : folder + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    // The path with every link in it followed, the last one too. What does not exist stays as it is.
    private static string RealPath(string path)
    {
        var root = Path.GetPathRoot(path)!;
        var rest = new Stack<string>(path[root.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse());
        var (real, links) = (root, 0);
        while (rest.TryPop(out var part))
        {
            if (part == ".") continue;
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? root;
                continue;
            }
            var next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > MostLinks) throw new IOException("symbolic links lead in a circle.");
            if (Path.IsPathRooted(target)) real = root;
            foreach (var step in target.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries).Reverse()) rest.Push(step);
        }
        return real;
    }

    private static PithException Outside(string location) => new($"has its data at '{location}', outside the model's folder. Only files beside the model are read.");
}
