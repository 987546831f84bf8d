using System.Text.RegularExpressions;

namespace Pith.Fuzz.Campaign;

/// <summary>Makes messages comparable.</summary>
internal static partial class Texts
{
    /// <summary>An exception without names, sizes and numbers; of what is not meant for the user also the place that threw it.</summary>
    public static string Kind(Exception exception)
    {
        var message = Quoted().Replace(Bracketed().Replace(exception.Message, "[]"), "''");
        var text = $"{exception.GetType().Name}: {Number().Replace(message, "#")}";
        return exception is PithException ? text : $"{text} {Place(exception)}";
    }

    private static string Place(Exception exception) =>
        exception.StackTrace?.Split('\n').FirstOrDefault(line => line.Contains("Pith.", StringComparison.Ordinal))?.Trim() is { } line ? Path().Replace(line, "") : "";

    [GeneratedRegex(@"'[^']*'")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\[[^\]]*\]")]
    private static partial Regex Bracketed();

    [GeneratedRegex(@"-?\d+([.,]\d+)*(E[-+]?\d+)?")]
    private static partial Regex Number();

    [GeneratedRegex(@" in /.*$")]
    private static partial Regex Path();
}
