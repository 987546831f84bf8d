using System.Globalization;
using System.Text.Json;

namespace Pith.Fuzz.Campaign;

/// <summary>A case that failed.</summary>
internal sealed record Finding(string Id, string Kind, string Detail);

/// <summary>The lines that a worker writes for its campaign.</summary>
internal static class Message
{
    private const string ProgressMark = "#progress ";
    private const string FindingMark = "#finding ";

    public static string Progress(long cases) => ProgressMark + cases.ToString(CultureInfo.InvariantCulture);

    public static string Found(Finding finding) => FindingMark + JsonSerializer.Serialize(finding);

    public static long? AsProgress(string line) => line.StartsWith(ProgressMark, StringComparison.Ordinal) ? long.Parse(line.AsSpan(ProgressMark.Length), CultureInfo.InvariantCulture) : null;

    public static Finding? AsFinding(string line) => line.StartsWith(FindingMark, StringComparison.Ordinal) ? JsonSerializer.Deserialize<Finding>(line.AsSpan(FindingMark.Length)) : null;
}
