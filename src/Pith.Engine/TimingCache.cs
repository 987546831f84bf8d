namespace Pith;

/// <summary>Times of tactics, so that a second build does not measure again. Thread-safe.</summary>
public sealed class TimingCache
{
    private readonly Dictionary<string, double> _seconds = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>The number of times known.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _seconds.Count;
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
}
