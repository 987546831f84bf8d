using System.Runtime.InteropServices;
using System.Text.Json;
using Pith.Compression.Sparsity;

namespace Pith.Compression.Quantization;

/// <summary>
/// Which factors equalisation multiplied the channels of a network by, in its metadata, so that the network can be compared with the one that it was made of, layer by layer (<c>pith debug</c>).
/// </summary>
internal static class EqualizationRecord
{
    /// <summary>The metadata key: a JSON array of an entry for each class of channels.</summary>
    public const string MetadataKey = "pith.equalization";

    private static readonly JsonSerializerOptions s_compact = new(SettingsJson.Options) { WriteIndented = false };

    /// <param name="Value">A value that has the channels.</param>
    /// <param name="Axis">The axis along which it has them.</param>
    /// <param name="Factors">float32, little-endian.</param>
    private sealed record Entry(string Value, int Axis, byte[] Factors);

    /// <summary>Writes the factors of units that were applied to <paramref name="graph"/>.</summary>
    public static void Write(Graph graph, IEnumerable<EqualizationUnit> units)
    {
        Write(graph, [.. from unit in units
                         from i in Enumerable.Range(0, unit.Classes.Count)
                         select new Entry(unit.Classes[i].Value, unit.Classes[i].Axis, MemoryMarshal.AsBytes(unit.FactorsOf(i).AsSpan()).ToArray())]);
    }

    /// <summary>Gives each recorded value the name that <paramref name="nameOf"/> returns for it; null takes it out of the record. A damaged record stays as it is.</summary>
    public static void Rename(Graph graph, Func<string, string?> nameOf)
    {
        if (Read(graph.Metadata) is { } entries) Write(graph, [.. from entry in entries let name = nameOf(entry.Value) where name is not null select entry with { Value = name }]);
    }

    /// <summary>The float network as it was when its channels had been equalised.</summary>
    /// <param name="graph">A simplified float network; not changed.</param>
    /// <param name="metadata">Of the quantized network.</param>
    /// <returns>A copy with the recorded factors; <paramref name="graph"/> itself where there is no record, or it is not that of this network.</returns>
    public static Graph Applied(Graph graph, IReadOnlyDictionary<string, string> metadata)
    {
        if (Read(metadata) is not { } entries) return graph;
        var copy = graph.Clone();
        foreach (var (value, axis, bytes) in entries)
        {
            if (copy.Find(value) is not { } start || axis < 0 || axis >= start.Type.Rank || bytes is null) return graph;
            var found = ChannelClass.Of(start, axis, ChannelChange.Factor);
            var factors = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
            if (found.Fixed is not null || found.Size != factors.Length) return graph;
            found.Scale(copy, factors);
        }
        return copy;
    }

    private static void Write(Graph graph, Entry[] entries)
    {
        if (entries.Length > 0) graph.Metadata[MetadataKey] = JsonSerializer.Serialize(entries, s_compact);
        else graph.Metadata.Remove(MetadataKey);
    }

    /// <summary>The entries; null where there is no record, or a damaged one.</summary>
    private static Entry[]? Read(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            return metadata.TryGetValue(MetadataKey, out var json) ? JsonSerializer.Deserialize<Entry[]>(json, SettingsJson.Options) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
