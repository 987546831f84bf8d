namespace Pith.Compression;

/// <summary>How far one tensor is from its reference over all batches that were compared.</summary>
public sealed record TensorDifference
{
    /// <summary>The value's name in both networks.</summary>
    public required string Name { get; init; }

    /// <summary>Element type and shape in the reference.</summary>
    public required string Type { get; init; }

    /// <summary>Elements compared.</summary>
    public required long Count { get; init; }

    /// <summary>Elements that are not equal.</summary>
    public required long Different { get; init; }

    /// <summary>The largest |reference - other|.</summary>
    public required double MaxAbsoluteError { get; init; }

    /// <summary>Signal-to-noise ratio in decibels; infinite when both are equal.</summary>
    public required double SnrDecibels { get; init; }

    /// <summary>The cosine of the angle between both.</summary>
    public required double Cosine { get; init; }
}

/// <summary>Compares two ways of running a network, or two networks, tensor by tensor, matched by name.</summary>
public sealed class TensorComparison
{
    private readonly NetworkTrace _reference;
    private readonly NetworkTrace _other;
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<string, Entry> _byName = new(StringComparer.Ordinal);

    /// <summary>Prepares a comparison.</summary>
    /// <exception cref="PithException">The networks take different inputs.</exception>
    public TensorComparison(NetworkTrace reference, NetworkTrace other)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(other);
        if (reference.Inputs.Count != other.Inputs.Count || !reference.Inputs.Zip(other.Inputs).All(pair => pair.First.Type.Accepts(pair.Second.Type)))
            throw new PithException($"The networks take different inputs and cannot be compared: {Text(reference)} against {Text(other)}.");
        (_reference, _other) = (reference, other);
    }

    /// <summary>The differences so far, in the reference's execution order.</summary>
    public IReadOnlyList<TensorDifference> Differences => [.. _entries.Select(entry => entry.ToDifference())];

    /// <summary>Runs both on the same inputs and adds what differs.</summary>
    public void Add(IReadOnlyList<Tensor> inputs)
    {
        var tensors = new List<(string Name, Tensor Tensor)>();
        _reference.Run(inputs, (name, tensor) => tensors.Add((name, tensor)));
        var others = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        _other.Run(inputs, (name, tensor) => others[name] = tensor);
        foreach (var (name, tensor) in tensors)
            if (others.TryGetValue(name, out var other) && other.Shape == tensor.Shape && other.DataType == tensor.DataType) Find(name, tensor).Add(tensor, other);
    }

    private Entry Find(string name, Tensor tensor)
    {
        if (_byName.TryGetValue(name, out var entry)) return entry;
        _entries.Add(entry = new Entry(name, tensor.ToString()));
        return _byName[name] = entry;
    }

    private static string Text(NetworkTrace trace) => string.Join(", ", trace.Inputs.Select(input => $"{input.Name} {input.Type}"));

    private sealed class Entry(string name, string type)
    {
        private readonly SignalComparison _signal = new();
        private long _different;

        public void Add(Tensor reference, Tensor other)
        {
            var (x, y) = (reference.ConvertTo(DataType.Float32).As<float>().Data, other.ConvertTo(DataType.Float32).As<float>().Data);
            _signal.Add(x, y);
            for (var i = 0; i < x.Length; i++)
                if (x[i] != y[i]) _different++;
        }

        public TensorDifference ToDifference() => new()
        {
            Name = name,
            Type = type,
            Count = _signal.Count,
            Different = _different,
            MaxAbsoluteError = _signal.MaxAbsoluteError,
            SnrDecibels = _signal.SnrDecibels,
            Cosine = _signal.Cosine,
        };
    }
}
