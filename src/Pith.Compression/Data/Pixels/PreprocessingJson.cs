using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pith.Compression.Data;

/// <summary>The JSON form of <see cref="Preprocessing"/>: <c>{"resize":256,"crop":224,"scale":0.0039…,"mean":[…],"std":[…]}</c>.</summary>
internal static class PreprocessingJson
{
    private static readonly JsonSerializerOptions _options = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
    };

    public static string Write(Preprocessing value) => JsonSerializer.Serialize(
        new Fields(value.ResizeShorterSide, value.CenterCrop, value.Scale, value.Mean.ToArray(), value.Std.ToArray()), _options);

    public static Preprocessing Read(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var fields = JsonSerializer.Deserialize<Fields>(json, _options) ?? throw new JsonException("got null");
            return new Preprocessing
            {
                ResizeShorterSide = fields.Resize,
                CenterCrop = fields.Crop,
                Scale = fields.Scale,
                Mean = ValueList.Create<float>(fields.Mean),
                Std = ValueList.Create<float>(fields.Std),
            }.Checked();
        }
        catch (JsonException e)
        {
            throw new PithException($"Preprocessing: expected a JSON object such as {Write(Preprocessing.ImageNet)}, got {Shortened(json)} ({e.Message}). Correct the '{Preprocessing.MetadataKey}' entry of the model's metadata.", e);
        }
    }

    private static string Shortened(string json) => json.Length <= 200 ? json : json[..200] + "…";

    private sealed record Fields(
        [property: JsonRequired] int? Resize,
        [property: JsonRequired] int? Crop,
        [property: JsonRequired] double Scale,
        [property: JsonRequired] float[] Mean,
        [property: JsonRequired] float[] Std);
}
