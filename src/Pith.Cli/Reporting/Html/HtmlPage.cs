using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>What every page begins and ends with: one self-contained file with the style sheet in it.</summary>
internal static class HtmlPage
{
    /// <summary>A page up to its first heading.</summary>
    /// <param name="title">The title after "Pith: ", as text.</param>
    public static StringBuilder Begin(string title) =>
        new StringBuilder("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">")
            .Append(CultureInfo.InvariantCulture, $"<title>Pith: {WebUtility.HtmlEncode(title)}</title><style>{StyleSheet.Css}</style></head><body><main>\n");

    /// <summary>The whole page.</summary>
    /// <param name="page">From <see cref="Begin"/>, with everything between.</param>
    /// <param name="version">The version of Pith that made the figures.</param>
    /// <param name="footer">What stands in the footer after the version, as text.</param>
    public static string End(StringBuilder page, string version, string footer) =>
        page.Append(CultureInfo.InvariantCulture, $"<footer>Pith {WebUtility.HtmlEncode(version)} · {WebUtility.HtmlEncode(footer)}</footer>\n</main></body></html>\n").ToString();
}
