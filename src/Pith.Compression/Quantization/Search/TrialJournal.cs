using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pith.Compression.Quantization;

/// <summary>What trials belong to: with other things they would be other trials. Part of a journal's first line.</summary>
/// <param name="Pith">The version of Pith.</param>
/// <param name="Model">See <see cref="ModelHash"/>.</param>
/// <param name="Settings">How the network is quantized, as JSON.</param>
/// <param name="Calibration">The calibration images, by their content.</param>
/// <param name="Validation">The images that decide, by their content.</param>
internal sealed record TrialKey(string Pith, string Model, string Settings, string Calibration, string Validation)
{
    /// <summary>What differs from <paramref name="other"/>, for people; empty when nothing does.</summary>
    public IEnumerable<string> Differences(TrialKey other)
    {
        if (Pith != other.Pith) yield return "another version of Pith";
        if (Model != other.Model) yield return "another model";
        if (Settings != other.Settings) yield return "other settings";
        if (Calibration != other.Calibration) yield return "other calibration images";
        if (Validation != other.Validation) yield return "other validation images";
    }
}

/// <summary>A finished trial in a journal.</summary>
/// <param name="On">The images: <c>calibration</c> or <c>validation</c>.</param>
/// <param name="Variant">What the network was made with, besides its layers.</param>
/// <param name="Layers">What was done to each layer that is not as the rest, by its name.</param>
/// <param name="Score">What was measured on the images.</param>
internal sealed record TrialEntry(string On, string Variant, IReadOnlyDictionary<string, string> Layers, SearchScore Score)
{
    /// <summary>Other numbers that were measured, by name; null for none.</summary>
    public IReadOnlyDictionary<string, double>? Values { get; init; }

    /// <summary>Equal for equal trials.</summary>
    [JsonIgnore]
    public string Identity => JsonSerializer.Serialize(new { On, Variant, Layers = Layers.OrderBy(layer => layer.Key, StringComparer.Ordinal) });
}

/// <summary>
/// The finished trials of a search as a file of JSON lines: first the key, then a line for each trial, on disk before the next one begins. A line that an interruption cut short is dropped; a file with another key is refused.
/// One writer at a time.
/// </summary>
internal sealed class TrialJournal : IDisposable
{
    private const long LargestFile = 256 << 20;

    private static readonly JsonSerializerOptions s_options = new(SettingsJson.Options) { WriteIndented = false, DefaultIgnoreCondition = JsonIgnoreCondition.Never, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly Dictionary<string, TrialEntry> _finished = new(StringComparer.Ordinal);
    private readonly FileStream? _file;

    private TrialJournal(FileStream? file) => _file = file;

    /// <summary>The number of trials that the file held.</summary>
    public int Kept { get; private init; }

    /// <summary>Opens a journal, or begins one.</summary>
    /// <param name="path">The file; null: trials are kept in memory only.</param>
    /// <param name="key">What the trials belong to.</param>
    /// <param name="stale">Told what differs when the file belongs to other things, which are then given up; null: such a file is refused.</param>
    /// <exception cref="PithException">The file belongs to other things, is something else, is in use, or cannot be read or written.</exception>
    public static TrialJournal Open(string? path, TrialKey key, Action<string>? stale = null)
    {
        if (path is null) return new TrialJournal(null);
        FileStream file;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new PithException($"Cannot open the trials '{path}': {failure.Message} Is another search of the same output running?", failure);
        }
        try
        {
            var lines = Read(file, path);
            if (lines.Length == 0) return Begin(file, key);
            var differences = string.Join(", ", Parse<TrialKey>(lines[0], path, 1).Differences(key));
            if (differences.Length > 0)
            {
                var message = $"The trials in '{path}' are of {differences}, so they say nothing about this search.";
                if (stale is null) throw new PithException($"{message} Delete the file to search anew, or write the network to another file.");
                stale($"{message} It begins anew.");
                return Begin(file, key);
            }
            var entries = lines.Skip(1).Select((line, i) => Parse<TrialEntry>(line, path, i + 2)).ToArray();
            var journal = new TrialJournal(file) { Kept = entries.Length };
            foreach (var entry in entries) journal._finished[entry.Identity] = entry;
            return journal;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>What an equal trial has measured; null when there was none.</summary>
    public TrialEntry? Find(TrialEntry trial) => _finished.GetValueOrDefault(trial.Identity);

    /// <summary>Saves a finished trial.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public void Add(TrialEntry trial)
    {
        _finished[trial.Identity] = trial;
        Append(trial);
    }

    public void Dispose() => _file?.Dispose();

    private static TrialJournal Begin(FileStream file, TrialKey key)
    {
        file.SetLength(0);
        var journal = new TrialJournal(file);
        journal.Append(key);
        return journal;
    }

    private void Append<T>(T line)
    {
        if (_file is null) return;
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(line, s_options) + "\n"));
            _file.Flush(flushToDisk: true);
        }
        catch (IOException failure)
        {
            throw new PithException($"Cannot write '{_file.Name}': {failure.Message} Check that there is space left.", failure);
        }
    }

    /// <summary>The whole lines; what an interruption has left of one is cut off, so that the next line stands by itself.</summary>
    private static string[] Read(FileStream file, string path)
    {
        if (file.Length > LargestFile) throw new PithException($"'{path}' has {file.Length} bytes; expected trials of a search, at most {LargestFile}. Delete it, or write the network to another file.");
        var bytes = new byte[file.Length];
        file.ReadExactly(bytes);
        var end = Array.LastIndexOf(bytes, (byte)'\n') + 1;
        var text = Encoding.UTF8.GetString(bytes, 0, end);
        // A file of something else has no business to be changed.
        if (end > 0) Parse<TrialKey>(text[..text.IndexOf('\n', StringComparison.Ordinal)], path, 1);
        else if (bytes.Length > 0 && bytes[0] != (byte)'{') throw Foreign(path, 1, null);
        file.SetLength(end);
        file.Position = end;
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static T Parse<T>(string line, string path, int number) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, s_options) ?? throw new JsonException("it is null");
        }
        catch (Exception damage) when (damage is JsonException or NotSupportedException)
        {
            throw Foreign(path, number, damage);
        }
    }

    private static PithException Foreign(string path, int line, Exception? inner) =>
        inner is null ? new(ForeignText(path, line)) : new(ForeignText(path, line), inner);

    private static string ForeignText(string path, int line) => $"Line {line} of '{path}' is not what a search wrote. Delete the file to search anew, or write the network to another one.";
}
