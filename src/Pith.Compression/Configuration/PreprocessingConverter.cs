using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Pith.Compression.Data;

namespace Pith.Compression.Configuration;

/// <summary>Reads a <see cref="Preprocessing"/> of a recipe: an object with its fields, or a text as on the command line. Writes the name of a known one, and the object of others.</summary>
internal sealed class PreprocessingConverter : JsonConverter<Preprocessing>
{
    public override Preprocessing Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var node = JsonNode.Parse(ref reader);
        try
        {
            return node switch
            {
                JsonObject fields => PreprocessingJson.Of(fields),
                JsonValue value when value.TryGetValue<string>(out var text) => Preprocessing.Parse(text),
                _ => throw new JsonException("expected a name or an object"),
            };
        }
        catch (PithException problem)
        {
            throw new JsonException(problem.Message, problem);
        }
    }

    public override void Write(Utf8JsonWriter writer, Preprocessing value, JsonSerializerOptions options)
    {
        if (PreprocessingCatalog.All.FirstOrDefault(known => known.Value == value).Name is { } name) writer.WriteStringValue(name);
        else writer.WriteRawValue(value.ToJson());
    }
}
