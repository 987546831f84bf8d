using System.Text.Json;

namespace Pith.Compression.Data;

/// <summary>The names of a classifier's classes, kept in the model's metadata so that answers have words. Training and calibration note those of their data.</summary>
public static class ClassLabels
{
    /// <summary>The metadata entry: a JSON list of strings, by class.</summary>
    public const string MetadataKey = "pith.classes";

    /// <summary>The names in a model's metadata; empty when there are none.</summary>
    /// <param name="metadata">Of a graph or an engine.</param>
    /// <exception cref="PithException">The entry is damaged.</exception>
    public static IReadOnlyList<string> Of(IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (!metadata.TryGetValue(MetadataKey, out var json)) return [];
        try
        {
            return JsonSerializer.Deserialize<string[]>(json) is { } names && !names.Contains(null) ? names : throw new JsonException("null");
        }
        catch (JsonException damaged)
        {
            throw new PithException($"The model's metadata entry '{MetadataKey}' is damaged ({damaged.Message}). Expected a JSON list of strings, one for each class.", damaged);
        }
    }

    /// <summary>Reads names from a text file, a class a line, as label files of other tools have them.</summary>
    /// <exception cref="PithException">The file cannot be read.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return System.Text.Encoding.UTF8.GetString(DataFile.ReadAllBytes(path)).TrimStart('\uFEFF').TrimEnd().Split('\n', StringSplitOptions.TrimEntries);
    }

    /// <summary>Notes the names of a dataset in the metadata of a classifier that has as many outputs; names that are there already stay, and numbers are not names.</summary>
    internal static void Note(Graph graph, ImageDataset data)
    {
        if (graph.Metadata.ContainsKey(MetadataKey) || data.ClassNames.Count < 2 || data.ClassNames.All(name => name.All(char.IsAsciiDigit))) return;
        if (graph.Outputs.Count > 0 && graph.Outputs[0].Type is { Rank: > 1 } type && type[1] == data.ClassNames.Count) graph.Metadata[MetadataKey] = JsonSerializer.Serialize(data.ClassNames);
    }
}
