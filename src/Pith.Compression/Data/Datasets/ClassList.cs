namespace Pith.Compression.Data;

/// <summary>
/// Which folder is which class of the network. Read from a text file with one class a line: <c>INDEX FOLDER NAME…</c>, such as
/// <c>2 n01484850 great white shark</c>; empty lines and lines that start with # are skipped.
/// </summary>
internal sealed class ClassList
{
    private const int MaxIndex = 999_999;

    private readonly Dictionary<string, int> _indexOfFolder;

    private ClassList(string source, Dictionary<string, int> indexOfFolder, string[] names) => (Source, _indexOfFolder, Names) = (source, indexOfFolder, names);

    /// <summary>Where it came from, for messages.</summary>
    public string Source { get; }

    /// <summary>Names by class index.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Without a file: the folders in order are classes 0, 1, 2, …</summary>
    public static ClassList OfFolders(IReadOnlyList<string> folders, string source) =>
        new(source, folders.Select((folder, i) => (folder, i)).ToDictionary(f => f.folder, f => f.i), [.. folders]);

    public static ClassList Read(string path)
    {
        var lines = System.Text.Encoding.UTF8.GetString(DataFile.ReadAllBytes(path)).Split('\n');
        var indexOfFolder = new Dictionary<string, int>();
        var names = new SortedDictionary<int, string>();
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            var parts = line.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length < 2 || !int.TryParse(parts[0], out var index) || index is < 0 or > MaxIndex)
                throw new PithException($"'{path}', line {i + 1}: expected INDEX FOLDER NAME, such as '2 n01484850 great white shark', got '{line}'.");
            if (!indexOfFolder.TryAdd(parts[1], index) || !names.TryAdd(index, parts.Length > 2 ? parts[2] : parts[1]))
                throw new PithException($"'{path}', line {i + 1}: folder '{parts[1]}' or index {index} is listed twice.");
        }
        if (names.Count == 0) throw new PithException($"'{path}' lists no class: expected lines such as '2 n01484850 great white shark'.");
        var byIndex = new string[names.Keys.Last() + 1];
        for (var index = 0; index < byIndex.Length; index++) byIndex[index] = names.GetValueOrDefault(index, $"class {index}");
        return new ClassList(path, indexOfFolder, byIndex);
    }

    /// <summary>The class index of a folder.</summary>
    public int IndexOf(string folder) => _indexOfFolder.TryGetValue(folder, out var index) ? index
        : throw new PithException($"Folder '{folder}' is not listed in '{Source}': expected a line 'INDEX {folder} NAME'. Add it, or remove the folder.");
}
