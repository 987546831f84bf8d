using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>A step that is finished.</summary>
/// <param name="Key">The hash of everything that its result depends on.</param>
/// <param name="FileHash">SHA-256 of the model file that it wrote, in hexadecimal.</param>
/// <param name="Seconds">Seconds that it took.</param>
/// <param name="Training">How training went; null when the step does not train.</param>
internal sealed record FinishedStep(string Key, string FileHash, double Seconds, TrainingSummary? Training = null);

/// <summary>Which steps of a recipe are finished: <c>state.json</c> in the output folder. A step counts only while its key and its file are what they were.</summary>
internal sealed class RecipeState
{
    private readonly string _path;
    private readonly SortedDictionary<string, FinishedStep> _steps;

    private RecipeState(string path, IDictionary<string, FinishedStep> steps) => (_path, _steps) = (path, new(steps, StringComparer.Ordinal));

    /// <summary>Reads the state; a damaged file is noted and counts as empty, because everything in it can be made again.</summary>
    public static RecipeState Load(string path, IProgress<PithEvent>? events)
    {
        try
        {
            if (File.Exists(path)) return new RecipeState(path, JsonSerializer.Deserialize<Dictionary<string, FinishedStep>>(File.ReadAllText(path), SettingsJson.Options) ?? []);
        }
        catch (Exception damage) when (damage is JsonException or IOException or UnauthorizedAccessException)
        {
            events?.Report(new Warning($"'{path}' cannot be used, so every step runs again: {damage.Message}"));
        }
        return new RecipeState(path, new Dictionary<string, FinishedStep>());
    }

    /// <summary>
    /// The hash of all that a step's result depends on: its settings, the models it reads, weights included, the data it reads, and the version of Pith. Data is known by its specification and by the names, sizes and times of its files, see
    /// <see cref="DataIdentity"/>. The verbs of the command line name what a checkpoint belongs to by the same hash.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="modelHashes">Hashes of the content of the model that it starts from and of its teacher.</param>
    /// <param name="train">The training data; null when there is none.</param>
    /// <param name="validation">The validation data; null when there is none.</param>
    /// <param name="preprocess">How images become the network's input, where that is given.</param>
    public static string KeyOf(RecipeStep step, IEnumerable<string> modelHashes, string? train, string? validation, Preprocessing? preprocess)
    {
        // The test set is not part of it: nothing that a step makes may depend on it.
        string?[] data = step.ReadsTrainingData ? [DataIdentity.Of(train), step.ReadsValidationData ? DataIdentity.Of(validation) : "", preprocess?.ToJson()] : [];
        string?[] parts = [PithVersion.Text, step.Kind, step.ToJson().ToJsonString(), .. modelHashes, .. data];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(parts))));
    }

    /// <summary>SHA-256 of a file, in hexadecimal.</summary>
    public static string HashOf(string file)
    {
        using var stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>The finished step, when it was made from the same things and its file is what it wrote; else null.</summary>
    public FinishedStep? Find(string name, string key, string file) =>
        _steps.TryGetValue(name, out var step) && step is not null && step.Key == key && File.Exists(file) && HashOf(file) == step.FileHash ? step : null;

    /// <summary>Notes a finished step and writes the state.</summary>
    public FinishedStep Add(string name, string key, string file, double seconds, TrainingSummary? training)
    {
        var step = _steps[name] = new FinishedStep(key, HashOf(file), seconds, training);
        AtomicFile.WriteText(_path, JsonSerializer.Serialize(_steps, SettingsJson.Options));
        return step;
    }
}
