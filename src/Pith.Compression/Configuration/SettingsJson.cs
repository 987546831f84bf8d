using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Pith.Compression.Data;

namespace Pith.Compression.Configuration;

/// <summary>
/// Settings as JSON: snake_case names, comments and trailing commas allowed. Reading is strict: a field that does not exist is an error that names the nearest one
/// that does, so that a misspelt setting is never silently ignored.
/// </summary>
internal static class SettingsJson
{
    private const string KindField = "kind";

    /// <summary>Longer texts are refused before they are parsed.</summary>
    public const int MaxCharacters = 1 << 20;

    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        AllowDuplicateProperties = false,
        AllowOutOfOrderMetadataProperties = true,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        Converters =
        {
            new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false),
            new ValueListConverterFactory(),
            new TextConverter<NamePattern>(text => new NamePattern(text)),
            new TextConverter<Calibrator>(CalibratorCatalog.Parse),
            new TextConverter<QuantizationTarget>(TargetCatalog.Parse),
            new TextConverter<PatternChoice>(PatternChoice.Parse),
            new TextConverter<AugmentationPolicy>(AugmentationPolicy.Parse),
            new PreprocessingConverter(),
        },
    };

    private static readonly JsonDocumentOptions s_documentOptions = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };

    /// <summary>Reads the text of a settings or recipe file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="source">What it is, for messages: <c>The recipe 'a.json'</c>.</param>
    /// <exception cref="PithException">The file cannot be read, or is too large to be one.</exception>
    public static string ReadFile(string path, string source)
    {
        // A character takes at most four bytes of UTF-8.
        const long MaxBytes = 4L * MaxCharacters;
        try
        {
            if (Directory.Exists(path)) throw new PithException($"{source} is a folder; expected a JSON file.");
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes } file) throw new PithException($"{source} has {file.Length} bytes; expected at most {MaxBytes}.");
            return File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"{source} cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>Parses a text whose root must be an object.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="source">What the text is, for messages: a file name.</param>
    /// <exception cref="PithException">The text is too long, is not JSON, or is not an object.</exception>
    public static JsonObject Parse(string text, string source)
    {
        if (text.Length > MaxCharacters) throw new PithException($"{source}: expected at most {MaxCharacters} characters of JSON, got {text.Length}.");
        try
        {
            return JsonNode.Parse(text, documentOptions: s_documentOptions) as JsonObject
                ?? throw new PithException($"{source}: expected a JSON object in braces.");
        }
        catch (JsonException invalid)
        {
            throw new PithException($"{source} is not valid JSON: {invalid.Message}", invalid);
        }
    }

    /// <summary>The record as JSON with every field, defaults included: two settings are equal when these texts are.</summary>
    public static JsonObject Write<T>(T settings) where T : notnull => (JsonObject)JsonSerializer.SerializeToNode(settings, settings.GetType(), Options)!;

    /// <summary>Reads a record; fields that <paramref name="json"/> does not have are taken from <paramref name="defaults"/>.</summary>
    /// <param name="json">The fields; not changed.</param>
    /// <param name="defaults">What holds where the JSON says nothing.</param>
    /// <param name="where">What is read, for messages.</param>
    /// <exception cref="PithException">A field does not exist or has a value of the wrong kind. Ranges are the caller's to check.</exception>
    public static T Read<T>(JsonObject json, T defaults, string where) where T : class
    {
        var type = defaults.GetType();
        var merged = Merge(Write(defaults), json);
        CheckFields(merged, type, where);
        try
        {
            return (T)merged.Deserialize(type, Options)!;
        }
        catch (JsonException invalid)
        {
            throw new PithException(invalid.Path is { Length: > 2 } path ? $"{where}: '{path[2..]}': {WrongKind(merged, type, path[2..])}" : $"{where}: {SomeOtherKind}", invalid);
        }
        catch (PithException invalid)
        {
            throw new PithException($"{where}: {invalid.Message}", invalid);
        }
    }

    private const string SomeOtherKind = "expected another kind of value. See the documented fields and their defaults.";

    /// <summary>What the field at a path, such as schedule.epochs[1], takes, and what it has.</summary>
    private static string WrongKind(JsonNode? json, Type? type, string path)
    {
        foreach (var name in path.Replace("[", ".[", StringComparison.Ordinal).Split('.'))
        {
            if (type is null) return SomeOtherKind;
            var info = Options.GetTypeInfo(type);
            if (json is JsonArray list && int.TryParse(name.Trim('[', ']'), NumberStyles.None, CultureInfo.InvariantCulture, out var index)) (json, type) = (list[index], info.ElementType);
            else if (json is JsonObject fields) (json, type) = (fields[name], info.Properties.FirstOrDefault(field => field.Name == name)?.PropertyType);
            else return SomeOtherKind;
        }
        return type is not null && Values(Nullable.GetUnderlyingType(type) ?? type) is { } values ? $"expected {values}, got {json?.ToJsonString() ?? "null"}." : SomeOtherKind;
    }

    private static string? Values(Type type) =>
        type.IsEnum ? string.Join(", ", Enum.GetValues(type).Cast<object>().Select(value => JsonSerializer.SerializeToNode(value, type, Options)!.ToJsonString()).SkipLast(1))
            + $" or {JsonSerializer.SerializeToNode(Enum.GetValues(type).Cast<object>().Last(), type, Options)!.ToJsonString()}"
        : type == typeof(bool) ? "true or false"
        : type == typeof(int) || type == typeof(long) ? "a whole number"
        : type == typeof(double) || type == typeof(float) ? "a number"
        : type == typeof(string) ? "a text in quotation marks"
        : type.IsAssignableTo(typeof(IEnumerable)) && type.GenericTypeArguments is [var element] && Values(element) is { } each ? $"a list, each element {each}"
        : null;

    /// <summary>The names of the fields of a record in JSON.</summary>
    public static IReadOnlySet<string> FieldNames(object settings) =>
        Options.GetTypeInfo(settings.GetType()).Properties.Where(property => property.Set is not null).Select(property => property.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>The text in a field; null when the field is not there.</summary>
    /// <exception cref="PithException">It is not text.</exception>
    public static string? Text(JsonObject json, string name, string where) =>
        json[name] is not { } value ? null : value is JsonValue && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : throw new PithException($"{where}: '{name}': expected a text in quotes.");

    /// <summary>The true or false in a field; null when the field is not there.</summary>
    /// <exception cref="PithException">It is neither.</exception>
    public static bool? Flag(JsonObject json, string name, string where) =>
        json[name] is not { } value ? null : value.GetValueKind() is JsonValueKind.True or JsonValueKind.False ? value.GetValue<bool>() : throw new PithException($"{where}: '{name}': expected true or false.");

    /// <summary>The error for a field that does not exist.</summary>
    public static PithException UnknownField(string where, string field, IEnumerable<string> known) =>
        new($"{where}: there is no field '{field}'. {ClosestNames.Suggestion(field, known)}");

    /// <summary><paramref name="changes"/> laid over <paramref name="fields"/>. Objects of the same kind are merged field by field, others replaced.</summary>
    private static JsonObject Merge(JsonObject fields, JsonObject changes)
    {
        foreach (var (name, change) in changes)
        {
            var merges = change is JsonObject changed && fields[name] is JsonObject old && (changed[KindField] is not { } kind || JsonNode.DeepEquals(kind, old[KindField]));
            fields[name] = merges ? Merge((JsonObject)fields[name]!.DeepClone(), (JsonObject)change!) : change?.DeepClone();
        }
        return fields;
    }

    private static void CheckFields(JsonObject json, Type type, string where)
    {
        var info = Options.GetTypeInfo(type);
        var kinds = info.PolymorphismOptions;
        if (kinds is not null) info = Options.GetTypeInfo(KindOf(json, kinds, where));
        var properties = info.Properties.Where(property => property.Set is not null).ToDictionary(property => property.Name, StringComparer.Ordinal);
        foreach (var (name, value) in json)
        {
            if (kinds is not null && name == KindField) continue;
            if (!properties.TryGetValue(name, out var property)) throw UnknownField(where, name, properties.Keys);
            if (value is JsonObject inner) CheckFields(inner, property.PropertyType, $"{where}, '{name}'");
        }
    }

    private static Type KindOf(JsonObject json, JsonPolymorphismOptions options, string where)
    {
        var names = options.DerivedTypes.ToDictionary(derived => (string)derived.TypeDiscriminator!, derived => derived.DerivedType, StringComparer.Ordinal);
        if (json[KindField] is not JsonValue value || !value.TryGetValue<string>(out var kind)) throw new PithException($"{where}: expected '{KindField}', one of: {string.Join(", ", names.Keys)}.");
        return names.GetValueOrDefault(kind) ?? throw new PithException($"{where}: there is no kind '{kind}'. Expected one of: {string.Join(", ", names.Keys)}.");
    }

    /// <summary>A value that is written as a text.</summary>
    private sealed class TextConverter<T>(Func<string, T> parse) : JsonConverter<T> where T : class
    {
        public override bool HandleNull => true;

        public override bool CanConvert(Type typeToConvert) => typeToConvert.IsAssignableTo(typeof(T));

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            parse(reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException());

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
