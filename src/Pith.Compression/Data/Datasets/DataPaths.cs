namespace Pith.Compression.Data;

/// <summary>Finds the files that a dataset's path means: a file, a list separated by commas, a name with <c>*</c>, or a folder.</summary>
internal static class DataPaths
{
    /// <summary>The files that match <paramref name="pattern"/> in <paramref name="folder"/>, sorted by name so that the order is the same everywhere.</summary>
    public static string[] Matching(string folder, string pattern)
    {
        try
        {
            return [.. Directory.GetFiles(folder, pattern).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(folder, e);
        }
    }

    /// <summary>The files of a list such as <c>a.bin,b*.bin</c>; each item must exist or match something.</summary>
    public static string[] List(string path, string spec)
    {
        var files = new List<string>();
        foreach (var item in path.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var folder = Path.GetDirectoryName(item) is { Length: > 0 } named ? named : ".";
            var found = !item.Contains('*', StringComparison.Ordinal) ? (File.Exists(item) ? [item] : [])
                : Directory.Exists(folder) ? Matching(folder, Path.GetFileName(item)) : [];
            if (found.Length == 0) throw new PithException($"Dataset '{spec}': no file '{item}'. Check the path.");
            files.AddRange(found);
        }
        return [.. files];
    }
}
