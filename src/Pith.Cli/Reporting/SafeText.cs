using System.Globalization;
using System.Text;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Pith.Cli.Reporting;

/// <summary>
/// Names come from files of strangers. What a terminal would obey instead of showing (escape codes, carriage returns, marks that turn the direction of writing) is made visible, and what Spectre would take
/// for markup is text. Everything that is drawn passes <see cref="Attach"/>; lines and cells are also kept on one line.
/// </summary>
internal static class SafeText
{
    private const char Replacement = '\ufffd';

    /// <summary><paramref name="text"/> on one line, with visible characters in place of control characters: ␛ for escape, ␊ for a line feed.</summary>
    public static string Of(string text) => Clean(text, keepsLines: false);

    /// <summary>A table cell: one line, no markup.</summary>
    public static string Cell(string text) => Markup.Escape(Of(text));

    /// <summary>The same JSON, with what the encoder lets through and a terminal would obey in escaped form; only its own line feeds stay.</summary>
    public static string EscapeJson(string json)
    {
        var escaped = new StringBuilder(json.Length);
        foreach (var c in json)
        {
            if (c is '\n' or '\r' || !s_unsafe.Contains(c)) escaped.Append(c);
            else escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }
        return escaped.ToString();
    }

    /// <summary>Writes a line of markup whose arguments are plain text on one line.</summary>
    public static void Line(this IAnsiConsole console, FormattableString line) =>
        console.MarkupLine(string.Format(CultureInfo.InvariantCulture, line.Format, [.. line.GetArguments().Select(argument => argument is null or IFormattable ? argument : Cell(argument.ToString() ?? ""))]));

    /// <summary>Makes the console show control characters of all text, whoever draws it; its own escape codes for colours and the cursor are kept.</summary>
    public static IAnsiConsole Attach(IAnsiConsole console)
    {
        console.Pipeline.Attach(new Hook());
        return console;
    }

    private static string Clean(string text, bool keepsLines)
    {
        if (!text.AsSpan().ContainsAny(s_unsafe)) return text;
        var clean = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            clean.Append(c switch
            {
                '\n' when keepsLines => c,
                // Unicode has a picture of each ASCII control character.
                < ' ' => (char)('\u2400' + c),
                '\u007f' => '\u2421',
                _ => s_unsafe.Contains(c) ? Replacement : c,
            });
        }
        return clean.ToString();
    }

    // Controls of ASCII and Latin-1, marks of direction, and separators of lines and paragraphs.
    private static readonly System.Buffers.SearchValues<char> s_unsafe = System.Buffers.SearchValues.Create([.. Enumerable.Range(0, char.MaxValue + 1).Select(c => (char)c).Where(char.IsControl), '\u061c', '\u200e', '\u200f', '\u2028', '\u2029', '\u202a', '\u202b', '\u202c', '\u202d', '\u202e', '\u2066', '\u2067', '\u2068', '\u2069']);

    private sealed class Hook : IRenderHook
    {
        public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) => renderables.Select(renderable => new Shown(renderable));
    }

    private sealed class Shown(IRenderable content) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => content.Measure(options, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
            content.Render(options, maxWidth).Select(segment => segment.IsControlCode || segment.IsLineBreak ? segment : new Segment(Clean(segment.Text, keepsLines: true), segment.Style));
    }
}
