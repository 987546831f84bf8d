using System.Globalization;
using System.Text;

namespace Pith.Compression.Data;

/// <summary>A class of ImageNet.</summary>
/// <param name="Id">Its WordNet ID: n01440764.</param>
/// <param name="Number">Its ILSVRC2012_ID, 1 to 1000, which the validation ground truth counts by; null when the list does not say.</param>
/// <param name="Words">What people call it; may be empty.</param>
internal sealed record Synset(string Id, int? Number, string Words);

/// <summary>
/// The classes of ImageNet from a text file, a class a line: a WordNet ID, its ILSVRC2012_ID before or after it where the file has them, then words. These are LOC_synset_mapping.txt and synset_words.txt (ID and words),
/// map_clsloc.txt (ID, number, words) and plain lists. Networks number the classes in the order of their IDs, from 0; the numbers of the ground truth are others.
/// </summary>
internal sealed class Synsets
{
    private readonly Dictionary<string, int> _classes;

    private Synsets(string source, IReadOnlyList<Synset> inFileOrder)
    {
        (Source, InFileOrder) = (source, inFileOrder);
        Synset[] sorted = [.. inFileOrder.OrderBy(synset => synset.Id, StringComparer.Ordinal)];
        _classes = sorted.Select((synset, i) => (synset.Id, i)).ToDictionary(entry => entry.Id, entry => entry.i, StringComparer.Ordinal);
        ClassNames = [.. sorted.Select(synset => synset.Words.Length > 0 ? synset.Words : synset.Id)];
        IsSorted = inFileOrder.SequenceEqual(sorted);
    }

    /// <summary>Where the list came from, for messages.</summary>
    public string Source { get; }

    /// <summary>The classes as the file lists them.</summary>
    public IReadOnlyList<Synset> InFileOrder { get; }

    /// <summary>Whether the file lists them in the order of their IDs.</summary>
    public bool IsSorted { get; }

    /// <summary>What the classes are called, in the order of their IDs.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Whether a text is a WordNet ID: n and eight digits.</summary>
    public static bool IsId(string text) => text.Length == 9 && text[0] == 'n' && text.AsSpan(1).IndexOfAnyExceptInRange('0', '9') < 0;

    /// <summary>The classes that folders or archives are called by.</summary>
    public static Synsets OfIds(IEnumerable<string> ids, string source) => new(source, [.. ids.Distinct().Select(id => new Synset(id, null, ""))]);

    /// <summary>Reads a list.</summary>
    /// <exception cref="PithException">A line has no WordNet ID, or a class is listed twice.</exception>
    public static Synsets Parse(byte[] text, string source)
    {
        var synsets = new List<Synset>();
        foreach (var (line, number) in Lines(text))
        {
            var parts = line.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            var at = Array.FindIndex(parts, 0, Math.Min(2, parts.Length), IsId);
            if (at < 0) throw new PithException($"'{source}', line {number}: expected a WordNet ID such as n01440764, alone or with its number and words, got '{line}'.");
            int? Number(int part) => part < parts.Length && int.TryParse(parts[part], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
            var numbered = at == 1 ? Number(0) ?? throw new PithException($"'{source}', line {number}: expected a number before '{parts[1]}', got '{parts[0]}'.") : Number(1);
            synsets.Add(new Synset(parts[at], numbered, string.Join(' ', parts.Skip(at + 1).Skip(at == 0 && numbered is not null ? 1 : 0))));
        }
        if (synsets.Count == 0) throw new PithException($"'{source}' lists no class: expected lines such as 'n01440764 tench, Tinca tinca'.");
        Unique(synsets.Select(synset => synset.Id), source);
        Unique(synsets.Where(synset => synset.Number is not null).Select(synset => $"number {synset.Number}"), source);
        return new Synsets(source, synsets);
    }

    /// <summary>The class of an ID as networks count it.</summary>
    /// <exception cref="PithException">The list does not have it.</exception>
    public int ClassOf(string id, string where) => _classes.TryGetValue(id, out var index) ? index
        : throw new PithException($"{where} is of class '{id}', which '{Source}' does not list. Use the list of the same data.");

    /// <summary>The lines of a text that hold something, with their numbers.</summary>
    internal static IEnumerable<(string Line, int Number)> Lines(byte[] text) =>
        Encoding.UTF8.GetString(text).TrimStart('\uFEFF').Split('\n').Select((line, i) => (Line: line.Trim(), Number: i + 1)).Where(line => line.Line.Length > 0 && line.Line[0] != '#');

    private static void Unique(IEnumerable<string> names, string source)
    {
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new PithException($"'{source}': {twice.Key} is listed twice.");
    }
}
