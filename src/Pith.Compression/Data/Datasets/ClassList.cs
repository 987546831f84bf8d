namespace Pith.Compression.Data;

/// <summary>
/// Which folder is which class of the network. Read from a text file with one class a line: <c>INDEX FOLDER NAME…</c>, such as
/// <c>2 n01484850 great white shark</c>, or with plain names: the folders in the order of the classes, or, where none of them is the name of a folder and there are as many as folders, what the
/// folders' classes are called. Empty lines and lines that start with # are skipped.
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

    /// <summary>Whether no file gave the numbers: they follow the order of the folders' names.</summary>
    public bool IsOfFolders { get; private init; }

    /// <summary>Without a file: the folders in order are classes 0, 1, 2, …</summary>
    public static ClassList OfFolders(IReadOnlyList<string> folders, string source) =>
        new(source, folders.Select((folder, i) => (folder, i)).ToDictionary(f => f.folder, f => f.i), [.. folders]) { IsOfFolders = true };

    /// <param name="path">The file.</param>
    /// <param name="folders">The folders that there are, in ordinal order.</param>
    /// <exception cref="PithException">A line makes no sense.</exception>
    public static ClassList Read(string path, IReadOnlyList<string> folders)
    {
        var lines = System.Text.Encoding.UTF8.GetString(DataFile.ReadAllBytes(path)).TrimStart('\uFEFF').Split('\n').Select((line, i) => (Text: line.Trim(), Number: i + 1))
            .Where(line => line.Text.Length > 0 && line.Text[0] != '#').ToArray();
        if (lines.Length == 0) throw new PithException($"'{path}' lists no class: expected lines such as '2 n01484850 great white shark'.");
        return lines.Any(line => IsNumbered(line.Text)) && !folders.All(lines.Select(line => line.Text).Contains) ? Numbered(path, lines) : Plain(path, lines, folders);
    }

    private static bool IsNumbered(string line) => line.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries) is [var first, _] && first.All(char.IsAsciiDigit);

    private static ClassList Plain(string path, (string Text, int Number)[] lines, IReadOnlyList<string> folders)
    {
        if (lines.GroupBy(line => line.Text).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new PithException($"'{path}', line {twice.Last().Number}: '{twice.Key}' is listed twice.");
        string[] names = [.. lines.Select(line => line.Text)];
        var isOfFolders = !folders.Any(names.Contains) && names.Length == folders.Count;
        return new ClassList(path, (isOfFolders ? folders : names).Select((folder, i) => (folder, i)).ToDictionary(f => f.folder, f => f.i), names);
    }

    private static ClassList Numbered(string path, (string Text, int Number)[] lines)
    {
        var indexOfFolder = new Dictionary<string, int>();
        var names = new SortedDictionary<int, string>();
        foreach (var (line, number) in lines)
        {
            var parts = line.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            if (parts.Length < 2 || !int.TryParse(parts[0], out var index) || index is < 0 or > MaxIndex)
                throw new PithException($"'{path}', line {number}: expected INDEX FOLDER NAME, such as '2 n01484850 great white shark', got '{line}'.");
            if (!indexOfFolder.TryAdd(parts[1], index) || !names.TryAdd(index, parts.Length > 2 ? parts[2] : parts[1]))
                throw new PithException($"'{path}', line {number}: folder '{parts[1]}' or index {index} is listed twice.");
        }
        var byIndex = new string[names.Keys.Last() + 1];
        for (var index = 0; index < byIndex.Length; index++) byIndex[index] = names.GetValueOrDefault(index, $"class {index}");
        return new ClassList(path, indexOfFolder, byIndex);
    }

    /// <summary>The class index of a folder.</summary>
    public int IndexOf(string folder) => _indexOfFolder.TryGetValue(folder, out var index) ? index
        : throw new PithException($"Folder '{folder}' is not listed in '{Source}': expected a line '{folder}' or 'INDEX {folder} NAME'. Add it, or remove the folder.");
}
