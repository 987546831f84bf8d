namespace Pith;

/// <summary>Finds what the user may have meant by a name that does not exist.</summary>
public static class ClosestNames
{
    private const int SuggestionCount = 3;

    // The distance takes quadratic time, and names come from files.
    private const int LongestCompared = 200;

    /// <summary>The names closest to <paramref name="text"/>, as a sentence.</summary>
    public static string Suggestion(string text, IEnumerable<string> names)
    {
        var closest = names.Distinct().OrderBy(name => Distance(text, name)).ThenBy(name => name, StringComparer.Ordinal).Take(SuggestionCount).ToArray();
        return closest.Length == 0 ? "There are none to choose from." : $"The closest are: {string.Join(", ", closest.Select(name => $"'{name}'"))}.";
    }

    /// <summary>The Levenshtein distance, letter case ignored: insertions, deletions and substitutions that turn one text into the other. Only the first 200 characters are compared.</summary>
    public static int Distance(string a, string b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
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
