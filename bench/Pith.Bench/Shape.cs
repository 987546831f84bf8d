using System.Globalization;
using Pith.Kernels;

namespace Pith.Bench;

/// <summary>The key=value arguments of one side of a comparison.</summary>
internal sealed class Shape
{
    private readonly Dictionary<string, string> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _used = new(StringComparer.OrdinalIgnoreCase);

    public Shape(IEnumerable<string> arguments)
    {
        foreach (var argument in arguments)
        {
            var split = argument.IndexOf('=', StringComparison.Ordinal);
            if (split <= 0) throw new PithException($"'{argument}': expected key=value, such as n=128.");
            _values[argument[..split]] = argument[(split + 1)..];
        }
    }

    public int this[string key, int missing]
    {
        get
        {
            _used.Add(key);
            if (!_values.TryGetValue(key, out var text)) return missing;
            if (int.TryParse(text, CultureInfo.InvariantCulture, out var value) && value >= 0) return value;
            throw new PithException($"{key}={text}: expected a whole number of at least 0.");
        }
    }

    public CpuFeatures Isa
    {
        get
        {
            _used.Add("isa");
            return _values.TryGetValue("isa", out var name) ? IsaLevel.Parse(name) : Kernels.Isa.Current;
        }
    }

    public string Text(string key, string missing)
    {
        _used.Add(key);
        return _values.GetValueOrDefault(key, missing);
    }

    /// <summary>Refuses keys that nobody read, so that a misspelt one does not silently measure something else.</summary>
    public void CheckAllUsed(string kernel)
    {
        foreach (var key in _values.Keys)
        {
            if (!_used.Contains(key)) throw new PithException($"{kernel}: unknown key '{key}'; --help lists the keys of every kernel.");
        }
    }
}
