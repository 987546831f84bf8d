namespace Pith.Compression.Data;

/// <summary>
/// A dataset as the user writes it: <c>KIND:PATH?OPTION=VALUE,OPTION=VALUE…</c>, for example
/// <c>imagefolder:photos?every=5</c>. Kinds without a path write <c>procedural:seed=3,count=1000?first=10</c>. Options are the kind's own
/// and the selectors of <see cref="IndexSelector"/>; their order is kept because selectors apply one after the other.
/// </summary>
public sealed class DatasetSpec
{
    private readonly List<(string Key, string Value)> _options;

    private DatasetSpec(string text, DatasetKind kind, string path, List<(string Key, string Value)> options) =>
        (Text, Kind, Path, _options) = (text, kind, path, options);

    /// <summary>What the user wrote.</summary>
    public string Text { get; }

    /// <summary>The entry of <see cref="DatasetCatalog"/> that opens it.</summary>
    public DatasetKind Kind { get; }

    /// <summary>The path; empty for kinds that take none.</summary>
    public string Path { get; }

    /// <summary>The selectors, in the order in which they were written.</summary>
    internal IEnumerable<IndexSelector> Selectors =>
        from option in _options
        where IndexSelector.Names.Contains(option.Key)
        select IndexSelector.Parse(option.Key, option.Value, Text);

    /// <summary>Takes a specification apart; nothing is opened.</summary>
    /// <exception cref="PithException">Unknown kind, missing path, unknown or repeated option.</exception>
    public static DatasetSpec Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var end = text.AsSpan().IndexOfAny(':', '?');
        var name = end < 0 ? text : text[..end];
        var kind = DatasetCatalog.All.FirstOrDefault(k => k.Name == name)
            ?? throw new PithException($"Dataset '{text}': '{name}' is not a kind of dataset. Expected one of: {string.Join(", ", DatasetCatalog.All.Select(k => k.Syntax))}.");

        var rest = end < 0 || text[end] == '?' ? "" : text[(end + 1)..];
        var optionsAt = text.LastIndexOf('?');
        var options = optionsAt < 0 ? "" : text[(optionsAt + 1)..];
        if (optionsAt >= 0 && rest.Length > 0) rest = text[(end + 1)..optionsAt];
        var path = kind.TakesPath ? rest : "";
        if (kind.TakesPath && path.Length == 0) throw new PithException($"Dataset '{text}' has no path. Expected: {kind.Syntax}.");

        var pairs = new List<(string Key, string Value)>();
        if (!kind.TakesPath) AddOptions(rest, text, kind, pairs);
        AddOptions(options, text, kind, pairs);
        return new DatasetSpec(text, kind, path, pairs);
    }

    /// <summary>Whether two specifications are known to select from the same samples: the same kind, path and split.</summary>
    internal static bool AreOfOneWhole(string first, string second)
    {
        try
        {
            var (a, b) = (Parse(first), Parse(second));
            return a.Kind == b.Kind && System.IO.Path.GetFullPath(a.Path.Length > 0 ? a.Path : ".") == System.IO.Path.GetFullPath(b.Path.Length > 0 ? b.Path : ".") && a.Option("split") == b.Option("split");
        }
        catch (Exception e) when (e is PithException or ArgumentException)
        {
            return false; // the name of a dataset that was not opened by a specification
        }
    }

    /// <summary>The value of an option, or null when it was not given.</summary>
    internal string? Option(string key) => _options.FirstOrDefault(o => o.Key == key).Value;

    /// <summary>The value of an option as a whole number within bounds.</summary>
    internal int Integer(string key, int absent, int min, int max) =>
        Option(key) is not { } value ? absent
        : int.TryParse(value, out var number) && number >= min && number <= max ? number
        : throw new PithException($"Dataset '{Text}': option '{key}' expects a whole number from {min} to {max}, got '{value}'.");

    /// <summary>Which part to take of a folder or archive that holds both: true for train, false for test, null when not given.</summary>
    internal bool? WantsTrain() => Option("split") switch
    {
        null => null,
        "train" => true,
        "test" => false,
        var other => throw new PithException($"Dataset '{Text}': option 'split' expects train or test, got '{other}'."),
    };

    private static void AddOptions(string list, string text, DatasetKind kind, List<(string Key, string Value)> pairs)
    {
        foreach (var item in list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = item.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? item : item[..equals];
            var isSelector = IndexSelector.Names.Contains(key);
            if (equals < 0 || !(isSelector || kind.Options.Contains(key)))
                throw new PithException($"Dataset '{text}': '{item}' is not an option of {kind.Name}. Expected NAME=VALUE with one of: {string.Join(", ", kind.Options.Concat(IndexSelector.Names))}.");
            if (!isSelector && pairs.Any(p => p.Key == key)) throw new PithException($"Dataset '{text}': option '{key}' is given twice.");
            pairs.Add((key, item[(equals + 1)..]));
        }
    }
}
