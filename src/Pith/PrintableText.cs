using System.Globalization;
using System.Text;

namespace Pith;

/// <summary>Text from files as it may be shown: names of a graph are any characters, also those that move a cursor, change colours or reverse the direction of what follows.</summary>
public static class PrintableText
{
    /// <summary><paramref name="text"/> on one line, with control and direction characters as <c>\u001B</c>.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var first = text.AsSpan().IndexOfAny(s_unprintable);
        if (first < 0) return text;
        var shown = new StringBuilder(text, 0, first, text.Length + 16);
        foreach (var character in text.AsSpan(first))
        {
            if (s_unprintable.Contains(character)) shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}");
            else shown.Append(character);
        }
        return shown.ToString();
    }

    // Control characters (Unicode category Cc), line and paragraph separators, and those that set the direction of text.
    private static readonly System.Buffers.SearchValues<char> s_unprintable = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7F, 0x21)).Concat([0x061C, 0x200E, 0x200F]).Concat(Enumerable.Range(0x2028, 7)).Concat(Enumerable.Range(0x2066, 4)).Select(code => (char)code)]);
}
