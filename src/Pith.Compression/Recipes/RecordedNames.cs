using System.Text.Json;
using System.Text.Json.Nodes;
using Pith.Compression.Data;
using Pith.Compression.Sparsity;

namespace Pith.Compression.Recipes;

/// <summary>The names of layers and tensors in a graph's metadata, which have to follow when the graph is edited. How the model was made (<see cref="Provenance"/>) keeps the names of its time.</summary>
internal static class RecordedNames
{
    // Records of choices: arrays and, under "layers", objects whose texts or field names are layers.
    private static readonly string[] s_choices = [PatternSelection.MetadataKey, SearchedQuantization.MetadataKey, OptimizeStep.MetadataKey];

    /// <summary>Renames what the metadata name, and leaves out pruned layers and equalised tensors that the graph does not have.</summary>
    /// <param name="graph">The edited graph; its metadata are changed.</param>
    /// <param name="nodes">New names of nodes by their old ones.</param>
    /// <param name="tensors">New names of tensors by their old ones.</param>
    public static void Follow(Graph graph, IReadOnlyDictionary<string, string> nodes, IReadOnlyDictionary<string, string> tensors)
    {
        var layers = graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().Select(weight => weight.Node.Name).ToHashSet(StringComparer.Ordinal);
        SparsityRecord.Rename(graph, name => nodes.GetValueOrDefault(name, name) is var layer && layers.Contains(layer) ? layer : null);
        EqualizationRecord.Rename(graph, name => tensors.GetValueOrDefault(name, name) is var tensor && graph.Find(tensor) is not null ? tensor : null);
        foreach (var key in s_choices)
            if (nodes.Count > 0 && graph.Metadata.TryGetValue(key, out var json) && Parse(json) is { } choices) graph.Metadata[key] = Renamed(choices, nodes, areLayers: false)!.ToJsonString();
    }

    /// <summary>Leaves out what the metadata say of inputs and outputs that a part of <paramref name="whole"/> does not have.</summary>
    public static void KeepOf(Graph whole, Graph part)
    {
        if (!Names(part.Inputs).SequenceEqual(Names(whole.Inputs))) part.Metadata.Remove(Preprocessing.MetadataKey);
        if (!Names(part.Outputs).SequenceEqual(Names(whole.Outputs))) part.Metadata.Remove(ClassLabels.MetadataKey);

        static IEnumerable<string> Names(IEnumerable<Value> values) => values.Select(value => value.Name);
    }

    private static JsonNode? Renamed(JsonNode? node, IReadOnlyDictionary<string, string> names, bool areLayers) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(areLayers ? names.GetValueOrDefault(field.Key, field.Key) : field.Key, Renamed(field.Value, names, field.Key == "layers")))),
        JsonArray items => new JsonArray([.. items.Select(item => item is JsonValue value && value.TryGetValue(out string? text) ? names.GetValueOrDefault(text, text) : Renamed(item, names, areLayers: false))]),
        _ => node?.DeepClone(),
    };

    // What is damaged stays as it is.
    private static JsonNode? Parse(string json)
    {
        try
        {
            return JsonNode.Parse(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
