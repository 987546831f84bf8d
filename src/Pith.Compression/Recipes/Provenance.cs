using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>
/// How a model came about, one entry for each step from the first model on, in its metadata. Equal inputs give equal records: there are no times and no folders in it, and of the machine
/// only what results depend on.
/// </summary>
public sealed record Provenance
{
    /// <summary>The metadata key: a JSON array of entries, the oldest first.</summary>
    public const string MetadataKey = "pith.provenance";

    private static readonly JsonSerializerOptions s_compact = new(SettingsJson.Options) { WriteIndented = false };

    /// <summary>The step: <c>prune</c>, <c>quantize</c> …; <c>build</c> for a plan; <c>models</c> for the random start of a built-in network, which started from nothing: its model is itself.</summary>
    public required string Step { get; init; }

    /// <summary>The version of Pith.</summary>
    public required string Pith { get; init; }

    /// <summary>The model that the step started from, see <see cref="ModelHash"/>.</summary>
    public required string Model { get; init; }

    /// <summary>The teacher, likewise; null when there was none.</summary>
    public string? Teacher { get; init; }

    /// <summary>Training or calibration data; null when the step read none.</summary>
    public DataContent? Data { get; init; }

    /// <summary>Validation data; null when the step read none.</summary>
    public DataContent? Validation { get; init; }

    /// <summary>SHA-256 of the scales that were taken from a calibration cache; null when there was none.</summary>
    public string? Cache { get; init; }

    /// <summary>The machine, where the result depends on what was timed there; else null.</summary>
    public string? Machine { get; init; }

    /// <summary>The settings of the step, seeds and defaults included.</summary>
    public required JsonObject Settings { get; init; }

    /// <summary>The entries of a model, the oldest first; none for a model without a record.</summary>
    /// <param name="metadata">Of a graph or an engine.</param>
    /// <exception cref="PithException">The record is damaged.</exception>
    public static IReadOnlyList<Provenance> Of(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        if (metadata.FirstOrDefault(entry => entry.Key == MetadataKey).Value is not { } json) return [];
        try
        {
            return JsonSerializer.Deserialize<Provenance[]>(json, s_compact) ?? throw new JsonException("it is null");
        }
        catch (Exception damage) when (damage is JsonException or InvalidOperationException or NotSupportedException)
        {
            throw new PithException($"The metadata '{MetadataKey}' is not a record of how a model was made: {damage.Message}", damage);
        }
    }

    /// <summary>The entry of a step.</summary>
    internal static Provenance Of(RecipeStep step, Graph graph, StepContext context, StepOutcome outcome)
    {
        var settings = step.ToJson();
        var teacher = step.Trains?.Teacher;
        if (teacher is not null) settings["teacher"] = Path.GetFileName(teacher);
        return new Provenance
        {
            Step = step.Kind,
            Pith = PithVersion.Text,
            Model = ModelHash.Of(graph),
            Teacher = teacher is null ? null : ModelHash.Of(context.FindModel(teacher)),
            Data = step.ReadsTrainingData && context.Cache is null && context.TrainingData is { } data ? DataContent.Of(data) : null,
            Validation = step.ReadsValidationData && context.ValidationData is { } validation ? DataContent.Of(validation) : null,
            Cache = context.Cache is { } cache ? HashOf(cache, outcome) : null,
            Machine = outcome.Selection?.Machine ?? outcome.Optimization?.Machine,
            Settings = settings,
        };
    }

    /// <summary>Whether a step has made the model that it started from: the same network with the same metadata.</summary>
    internal static bool IsSame(Graph source, Graph made) =>
        source.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).SequenceEqual(made.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal)) && ModelHash.Of(source) == ModelHash.Of(made);

    /// <summary>Of the scales that were taken: what else a cache holds, and how it is written, changes nothing.</summary>
    private static string HashOf(CalibrationCache cache, StepOutcome outcome)
    {
        var used = outcome.Quantization.SelectMany(layer => layer.Operands).Select(operand => operand.Tensor).Where(cache.Scales.ContainsKey).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);
        var text = string.Concat(used.Select(tensor => $"{tensor}: {BitConverter.SingleToUInt32Bits(cache.Scales[tensor]):x8}\n"));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Writes this entry into <paramref name="made"/>, after those of <paramref name="source"/>.</summary>
    /// <param name="source">The model that the step started from.</param>
    /// <param name="made">The model that it made; may be the same graph.</param>
    /// <param name="events">Receives a <see cref="Warning"/> when the record of <paramref name="source"/> is damaged and therefore left behind.</param>
    public void AddTo(Graph source, Graph made, IProgress<PithEvent>? events)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(made);
        IReadOnlyList<Provenance> earlier = [];
        try
        {
            earlier = Of(source.Metadata);
        }
        catch (PithException damage)
        {
            events?.Report(new Warning($"{damage.Message} It is left out of what is written."));
        }
        made.Metadata[MetadataKey] = JsonSerializer.Serialize<Provenance[]>([.. earlier, this], s_compact);
    }
}
