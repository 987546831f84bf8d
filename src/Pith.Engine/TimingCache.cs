using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pith;

/// <summary>Times of tactics on layers, so that a second build does not measure again. Entries name the kind of machine, so one file may serve several. Thread-safe.</summary>
public sealed partial class TimingCache
{
    private const string Format = "pith-timing-cache-1";

    // Some hundred thousand times; no machine has measured so many.
    private const long LargestFile = 256 << 20;

    private readonly SortedDictionary<string, double> _seconds = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>The number of times known.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _seconds.Count;
        }
    }

    /// <summary>Reads a cache that <see cref="Save"/> wrote.</summary>
    /// <exception cref="PithException">The file cannot be read or is not a timing cache.</exception>
    public static TimingCache Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LargestFile }) throw Damaged(path, null);
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), CacheJson.Default.CacheFile);
            if (file is not { Format: Format, Seconds: not null } || file.Seconds.Values.Any(seconds => !(seconds > 0 && double.IsFinite(seconds)))) throw Damaged(path, null);
            var cache = new TimingCache();
            foreach (var (key, seconds) in file.Seconds) cache._seconds[key] = seconds;
            return cache;
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            throw Damaged(path, failure);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new PithException($"Cannot read the timing cache '{path}': {failure.Message}", failure);
        }
    }

    /// <summary>Writes all times, whole or not at all.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public void Save(string path)
    {
        lock (_gate)
        {
            var file = new CacheFile(Format, _seconds);
            AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, file, CacheJson.Default.CacheFile));
        }
    }

    internal double? Find(string key)
    {
        lock (_gate) return _seconds.TryGetValue(key, out var seconds) ? seconds : null;
    }

    internal void Add(string key, double seconds)
    {
        lock (_gate) _seconds[key] = seconds;
    }

    private static PithException Damaged(string path, Exception? inner)
    {
        var message = $"'{path}' is not a timing cache of this version of Pith, or is damaged. Delete it; the next build measures again.";
        return inner is null ? new PithException(message) : new PithException(message, inner);
    }

    private sealed record CacheFile(string? Format, IReadOnlyDictionary<string, double>? Seconds);

    // Generated code instead of reflection, which native AOT programs do not have.
    [JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
    [JsonSerializable(typeof(CacheFile))]
    private sealed partial class CacheJson : JsonSerializerContext;
}
