namespace Pith.Compression.Quantization;

/// <summary>Which tensors must share a scale: disjoint sets, joined pair by pair.</summary>
internal sealed class ScaleGroups
{
    private readonly Dictionary<Value, Value> _parents = new(ReferenceEqualityComparer.Instance);

    /// <summary>The value that stands for the group of <paramref name="value"/>.</summary>
    public Value Representative(Value value)
    {
        while (_parents.TryGetValue(value, out var parent)) value = parent;
        return value;
    }

    /// <summary>Makes both share a scale.</summary>
    public void Join(Value first, Value second)
    {
        var (a, b) = (Representative(first), Representative(second));
        if (!ReferenceEquals(a, b)) _parents[b] = a;
    }
}
