namespace Pith.Compression;

/// <summary>Finds rules that match nothing: a misspelt name must be an error, never silently ignored.</summary>
internal static class UnusedRules
{
    private const int SuggestionCount = 3;
    private const int LongestCompared = 200;

    /// <exception cref="PithException">A pattern matches no layer; the message names it and the closest names.</exception>
    public static void RequireNames(IEnumerable<NamePattern> patterns, IReadOnlyCollection<LayerName> layers)
    {
        foreach (var pattern in patterns)
            if (!layers.Any(layer => pattern.Matches(layer.Name)))
                throw new PithException($"The name pattern '{pattern}' matches no layer. {Suggestion(pattern.Text, layers.Select(layer => layer.Name))}");
    }

    /// <exception cref="PithException">No layer is of a type; the message names it and the types that there are.</exception>
    public static void RequireOpTypes(IEnumerable<string> opTypes, IReadOnlyCollection<LayerName> layers)
    {
        foreach (var opType in opTypes)
            if (!layers.Any(layer => layer.OpType == opType))
                throw new PithException($"The op type '{opType}' matches no layer. {Suggestion(opType, layers.Select(layer => layer.OpType))}");
    }

    /// <summary>The names closest to <paramref name="text"/>, as a sentence.</summary>
    internal static string Suggestion(string text, IEnumerable<string> names)
    {
        var closest = names.Distinct().OrderBy(name => Distance(text, name)).ThenBy(name => name, StringComparer.Ordinal).Take(SuggestionCount).ToArray();
        return closest.Length == 0 ? "There are none to choose from." : $"The closest are: {string.Join(", ", closest.Select(name => $"'{name}'"))}.";
    }

    /// <summary>The Levenshtein distance, letter case ignored: insertions, deletions and substitutions that turn one text into the other.</summary>
    internal static int Distance(string a, string b)
    {
        a = a[..Math.Min(a.Length, LongestCompared)].ToUpperInvariant();
        b = b[..Math.Min(b.Length, LongestCompared)].ToUpperInvariant();
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(substituted, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
