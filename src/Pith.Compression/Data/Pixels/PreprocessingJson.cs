using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pith.Compression.Data;

/// <summary>
/// The JSON form of <see cref="Preprocessing"/>: <c>{"resize":256,"crop":224,"scale":0.0039…,"mean":[…],"std":[…]}</c>, and where they are not the usual ones <c>"stretch":true</c>, <c>"filter"</c>, <c>"order"</c> and
/// <c>"layout"</c>. What a model carries has all of the first five; what a person writes may leave out any.
/// </summary>
internal static class PreprocessingJson
{
    private static readonly string[] s_fields = ["resize", "stretch", "filter", "crop", "scale", "mean", "std", "order", "layout", "channels"];
    private static readonly JsonDocumentOptions s_options = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };

    public static string Write(Preprocessing value)
    {
        var json = new JsonObject
        {
            ["resize"] = value.ResizeTo is { } size ? SizeOf(size) : value.ResizeShorterSide,
            ["crop"] = value.CenterCrop is { } crop ? SizeOf(crop) : null,
            ["scale"] = value.Scale,
            ["mean"] = new JsonArray([.. value.Mean.Select(mean => (JsonNode)mean)]),
            ["std"] = new JsonArray([.. value.Std.Select(std => (JsonNode)std)]),
        };
        if (value.ResizeTo is not null) json["stretch"] = true;
        if (value.Filter != ResamplingFilter.Bilinear) json["filter"] = NameOf(value.Filter);
        if (value.Bgr) json["order"] = "bgr";
        if (value.Layout is { } layout) json["layout"] = NameOf(layout);
        return json.ToJsonString();
    }

    /// <summary>Reads what a model carries: complete, so that nothing depends on defaults.</summary>
    public static Preprocessing Read(string json)
    {
        try
        {
            var fields = Parse(json);
            foreach (var required in (string[])["resize", "crop", "scale", "mean", "std"])
                if (!fields.ContainsKey(required)) throw new PithException($"field '{required}' is missing");
            return Of(fields);
        }
        catch (PithException problem)
        {
            throw new PithException($"Preprocessing: expected a JSON object such as {Write(Preprocessing.ImageNet)}, got {Shortened(json)} ({problem.Message}). Correct the '{Preprocessing.MetadataKey}' entry of the model's metadata.", problem);
        }
    }

    /// <summary>Parses an object.</summary>
    /// <exception cref="PithException">It is none.</exception>
    public static JsonObject Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            return JsonNode.Parse(json, documentOptions: s_options) as JsonObject ?? throw new PithException("expected a JSON object");
        }
        catch (JsonException problem)
        {
            throw new PithException(problem.Message, problem);
        }
    }

    /// <summary>The preprocessing with these fields. Without <c>scale</c>, samples are divided by 255; a single number for <c>mean</c> or <c>std</c> counts for every channel.</summary>
    /// <exception cref="PithException">A field is unknown or its value is out of range; the message names it.</exception>
    public static Preprocessing Of(JsonObject fields)
    {
        foreach (var (field, _) in fields)
            if (!s_fields.Contains(field)) throw new PithException($"Preprocessing: there is no field '{field}'. {ClosestNames.Suggestion(field, s_fields)}");
        var (mean, std) = (Numbers(fields, "mean"), Numbers(fields, "std"));
        var channels = fields["channels"] is { } given ? Value<int>(given, "channels", "1 or 3") : fields["mean"] is JsonArray { Count: 1 } || fields["std"] is JsonArray { Count: 1 } ? 1 : 3;
        if (channels is not (1 or 3)) throw new PithException($"Preprocessing field 'channels': expected 1 or 3, got {channels}.");
        var resize = SizeOf(fields, "resize");
        var stretches = fields["stretch"] is { } stretch && Value<bool>(stretch, "stretch", "true or false");
        var isSide = !stretches && resize is { } side && side.Width == side.Height && fields["resize"] is not JsonArray;
        return new Preprocessing
        {
            ResizeShorterSide = isSide ? resize!.Value.Width : null,
            ResizeTo = isSide ? null : resize,
            Filter = Named<ResamplingFilter>(fields, "filter") ?? ResamplingFilter.Bilinear,
            CenterCrop = SizeOf(fields, "crop"),
            Scale = fields["scale"] is { } scale ? Value<double>(scale, "scale", "a number") : 1.0 / 255,
            Mean = Spread(mean, 0, channels),
            Std = Spread(std, 1, channels),
            Bgr = fields["order"] is { } order && Value<string>(order, "order", "rgb or bgr") switch
            {
                "bgr" => true,
                "rgb" => false,
                var other => throw new PithException($"Preprocessing field 'order': expected rgb or bgr, got {other}."),
            },
            Layout = Named<ImageLayout>(fields, "layout"),
        }.Checked();
    }

    /// <summary>How JSON and command line spell a value.</summary>
    public static string NameOf<T>(T value) where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static JsonNode SizeOf(PixelSize size) => size.Width == size.Height ? size.Width : new JsonArray(size.Width, size.Height);

    private static PixelSize? SizeOf(JsonObject fields, string field)
    {
        const string Expected = "a number of pixels, [width, height] or null";
        return fields[field] switch
        {
            null => null,
            JsonArray { Count: 2 } sides when sides.All(side => side is not null) => new PixelSize(Value<int>(sides[0]!, field, Expected), Value<int>(sides[1]!, field, Expected)),
            JsonArray => throw Wrong(field, Expected, fields[field]!),
            var side => Value<int>(side, field, Expected),
        };
    }

    private static float[]? Numbers(JsonObject fields, string field)
    {
        if (!fields.TryGetPropertyValue(field, out var node)) return null;
        const string Expected = "a number, or 1 or 3 numbers";
        if (node is null) throw new PithException($"Preprocessing field '{field}': expected {Expected}, got null.");
        return node is JsonArray list ? [.. list.Select(item => item is null ? throw Wrong(field, Expected, node) : Value<float>(item, field, Expected))] : [Value<float>(node, field, Expected)];
    }

    private static ValueList<float> Spread(float[]? values, float missing, int channels) =>
        values is null ? ValueList.Repeat(missing, channels) : values.Length == 1 ? ValueList.Repeat(values[0], channels) : ValueList.Create<float>(values);

    private static T? Named<T>(JsonObject fields, string field) where T : struct, Enum
    {
        if (fields[field] is not { } node) return null;
        var names = Enum.GetValues<T>();
        var expected = string.Join(", ", names.Select(NameOf));
        var text = Value<string>(node, field, expected);
        foreach (var value in names)
            if (NameOf(value) == text) return value;
        throw Wrong(field, expected, node);
    }

    private static T Value<T>(JsonNode node, string field, string expected) =>
        node is JsonValue value && value.TryGetValue<T>(out var result) ? result : throw Wrong(field, expected, node);

    private static PithException Wrong(string field, string expected, JsonNode got) => new($"Preprocessing field '{field}': expected {expected}, got {Shortened(got.ToJsonString())}.");

    private static string Shortened(string json) => json.Length <= 200 ? json : json[..200] + "…";
}
