using System.Globalization;
using System.Text.Json.Nodes;

namespace Pith.Compression.Data;

/// <summary>
/// How people write a <see cref="Preprocessing"/>, on the command line and in recipes: a name, a JSON object, the path of a JSON file, or fields separated by commas. A field is a value (<c>resize=299</c>, <c>crop=299x224</c>,
/// <c>mean=0.5</c>, <c>std=0.229/0.224/0.225</c>, <c>scale=1</c>) or a word: a name to start from, <c>stretch</c>, a filter, <c>rgb</c>, <c>bgr</c>, <c>nchw</c>, <c>nhwc</c> or <c>grey</c>.
/// </summary>
internal static class PreprocessingText
{
    /// <summary>The words that stand for a field and its value.</summary>
    private static readonly Dictionary<string, (string Field, JsonNode Value)> s_words = new(StringComparer.Ordinal)
    {
        ["stretch"] = ("stretch", true),
        ["rgb"] = ("order", "rgb"),
        ["bgr"] = ("order", "bgr"),
        ["grey"] = ("channels", 1),
    };

    static PreprocessingText()
    {
        foreach (var filter in Enum.GetValues<ResamplingFilter>()) s_words[PreprocessingJson.NameOf(filter)] = ("filter", PreprocessingJson.NameOf(filter));
        foreach (var layout in Enum.GetValues<ImageLayout>()) s_words[PreprocessingJson.NameOf(layout)] = ("layout", PreprocessingJson.NameOf(layout));
    }

    /// <exception cref="PithException">The text is not a known form, or a value is out of range.</exception>
    public static Preprocessing Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (PreprocessingCatalog.All.FirstOrDefault(known => known.Name == text) is { Value: { } named }) return named;
        if (text.TrimStart().StartsWith('{')) return PreprocessingJson.Of(PreprocessingJson.Parse(text));
        if (!text.Contains('=') && (text.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || File.Exists(text))) return OfFile(text);
        var fields = new JsonObject();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries)) Add(fields, part, text);
        // Read again, so that a number has no type of its own yet.
        return PreprocessingJson.Of(PreprocessingJson.Parse(fields.ToJsonString()));
    }

    private static Preprocessing OfFile(string path)
    {
        try
        {
            return PreprocessingJson.Of(PreprocessingJson.Parse(SettingsJson.ReadFile(path, $"The preprocessing '{path}'")));
        }
        catch (PithException problem) when (!problem.Message.Contains(path, StringComparison.Ordinal))
        {
            throw new PithException($"The preprocessing '{path}': {problem.Message}", problem);
        }
    }

    private static void Add(JsonObject fields, string part, string text)
    {
        if (part.Split('=') is [var field, var value])
        {
            Set(fields, field, Value(value), text);
            return;
        }
        if (s_words.TryGetValue(part, out var word))
        {
            Set(fields, word.Field, word.Value.DeepClone(), text);
            return;
        }
        var names = PreprocessingCatalog.All.Select(known => known.Name);
        if (PreprocessingCatalog.All.FirstOrDefault(known => known.Name == part) is not { Value: { } start })
            throw new PithException($"There is no preprocessing '{part}'. {ClosestNames.Suggestion(part, names.Concat(s_words.Keys))} Names: {string.Join(", ", names)}; words: {string.Join(", ", s_words.Keys)}; values: resize=N, crop=N, mean=X, std=X, scale=X; or the path of a JSON file.");
        if (fields.Count > 0) throw new PithException($"Preprocessing '{text}': the name '{part}' comes first; fields after it replace what it says.");
        foreach (var (name, known) in PreprocessingJson.Parse(start.ToJson())) fields[name] = known?.DeepClone();
    }

    // What a name has said is replaced; what is said twice by the user as well: the last one counts.
    private static void Set(JsonObject fields, string field, JsonNode value, string text)
    {
        if (field.Length == 0) throw new PithException($"Preprocessing '{text}': expected FIELD=VALUE.");
        // Another number of channels makes the values of the name meaningless.
        if (field == "channels") foreach (var perChannel in (string[])["mean", "std"]) fields.Remove(perChannel);
        // Width and height in the place of a shorter side, and the other way round.
        if (field == "resize") fields.Remove("stretch");
        fields[field] = value;
    }

    // 256, 0.5, 640x480, 0.485/0.456/0.406, 1/255 or a word.
    private static JsonNode Value(string text)
    {
        if (text.Contains('x') && PixelSize.TryParse(text, out var size)) return new JsonArray(size.Width, size.Height);
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)) return whole;
        if (double.TryParse(text, CultureInfo.InvariantCulture, out var number)) return double.IsFinite(number) ? number : text;
        var parts = text.Split('/').Select(part => double.TryParse(part, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value) ? value : (double?)null).ToArray();
        if (parts.Length < 2 || parts.Contains(null)) return text;
        return parts.Length == 2 ? parts[0]!.Value / parts[1]!.Value : new JsonArray([.. parts.Select(value => (JsonNode)value!.Value)]);
    }
}
