using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pith.Compression.Data;

namespace Pith.Cli.Reporting;

/// <summary>How a model was made, in a few lines for people.</summary>
internal static class ProvenanceText
{
    private const int HashDigits = 12;

    private static readonly JsonSerializerOptions s_readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The entries; null when the record is damaged, which then is shown as it is.</summary>
    public static IReadOnlyList<Provenance>? Entries(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        try
        {
            return Provenance.Of(metadata);
        }
        catch (PithException)
        {
            return null;
        }
    }

    /// <summary>A line for each step, the oldest first: what went in, and settings that are not the defaults.</summary>
    public static IEnumerable<string> Lines(IReadOnlyList<Provenance> entries) => entries.Select((entry, i) => $"made by {i + 1}. {Line(entry)}");

    private static string Line(Provenance entry)
    {
        string?[] parts =
        [
            $"{entry.Step} (Pith {entry.Pith}) of model {Short(entry.Model)}",
            entry.Data is { } data ? $"data {Text(data)}" : null,
            entry.Validation is { } validation ? $"validation {Text(validation)}" : null,
            entry.Teacher is { } teacher ? $"teacher {Short(teacher)}" : null,
            entry.Cache is { } cache ? $"calibration cache {Short(cache)}" : null,
            entry.Machine is { } machine ? $"on {machine}" : null,
            .. Changed(entry).Select(setting => $"{setting.Key} {setting.Value?.ToJsonString(s_readable) ?? "none"}"),
        ];
        return string.Join(", ", parts.OfType<string>());
    }

    // Seeds are shown always: they are what a repetition needs.
    private static IEnumerable<KeyValuePair<string, JsonNode?>> Changed(Provenance entry)
    {
        var defaults = StepCatalog.All.FirstOrDefault(step => step.Kind == entry.Step)?.ToJson();
        return entry.Settings.Where(setting => defaults is null || setting.Key.EndsWith("seed", StringComparison.Ordinal) || !JsonNode.DeepEquals(setting.Value, defaults[setting.Key]));
    }

    private static string Text(DataContent data) => $"{data.Spec} ({data.Samples} samples, {Short(data.Content)})";

    private static string Short(string hash) => hash.Length <= HashDigits ? hash : hash[..HashDigits];
}
