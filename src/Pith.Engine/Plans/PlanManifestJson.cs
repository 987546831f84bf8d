using System.Text.Json;

namespace Pith.Plans;

/// <summary>A manifest as JSON. Written out by hand: a serialiser takes a process 30 ms, generated or not, before it has read its first plan.</summary>
internal static class PlanManifestJson
{
    public static byte[] Write(PlanManifest manifest)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("device", manifest.Device);
            json.WriteNumber("maxBatch", manifest.MaxBatch);
            json.WriteNumber("minBatch", manifest.MinBatch);
            json.WriteNumber("optBatch", manifest.OptBatch);
            json.WriteNumber("threads", manifest.Threads);
            json.WriteBoolean("literal", manifest.Literal);
            json.WriteBoolean("bf16", manifest.Bf16);
            json.WriteStartArray("observed");
            foreach (var name in manifest.Observed) json.WriteStringValue(name);
            json.WriteEndArray();
            json.WriteStartArray("layers");
            foreach (var layer in manifest.Layers) Write(json, layer);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return bytes.ToArray();
    }

    /// <summary>Reads what <see cref="Write(PlanManifest)"/> wrote; numbers may be anything.</summary>
    /// <exception cref="KeyNotFoundException">Something is missing.</exception>
    /// <exception cref="InvalidOperationException">Something is of another kind.</exception>
    /// <exception cref="FormatException">A number is none, or too large.</exception>
    public static PlanManifest Read(JsonElement json) => new(
        Text(json, "device"), Number(json, "maxBatch"), Number(json, "minBatch"), Number(json, "optBatch"), Number(json, "threads"), json.GetProperty("literal").GetBoolean(), json.GetProperty("bf16").GetBoolean(),
        [.. json.GetProperty("observed").EnumerateArray().Select(Text)], [.. json.GetProperty("layers").EnumerateArray().Select(Layer)]);

    private static void Write(Utf8JsonWriter json, PlanManifest.Choice layer)
    {
        json.WriteStartObject();
        json.WriteString("name", layer.Name);
        json.WriteString("spec", layer.Spec);
        json.WriteString("tactic", layer.Tactic);
        json.WriteString("reason", layer.Reason);
        json.WriteStartObject("timed");
        foreach (var (tactic, seconds) in layer.Timed) json.WriteNumber(tactic, seconds);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static PlanManifest.Choice Layer(JsonElement json)
    {
        var timed = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var entry in json.GetProperty("timed").EnumerateObject()) timed[entry.Name] = entry.Value.GetDouble();
        return new PlanManifest.Choice(Text(json, "name"), Text(json, "spec"), Text(json, "tactic"), Text(json, "reason"), timed);
    }

    private static int Number(JsonElement json, string name) => json.GetProperty(name).GetInt32();

    private static string Text(JsonElement json, string name) => Text(json.GetProperty(name));

    private static string Text(JsonElement json) => json.GetString() ?? throw new InvalidOperationException("a text is null");
}
