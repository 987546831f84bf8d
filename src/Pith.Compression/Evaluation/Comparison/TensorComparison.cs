namespace Pith.Compression.Evaluation;

/// <summary>Compares two ways of running a network, or two networks, tensor by tensor, matched by name.</summary>
public sealed class TensorComparison
{
    private readonly NetworkTrace _reference;
    private readonly NetworkTrace _other;
    private readonly List<Entry> _entries = [];
    private readonly Dictionary<string, Entry> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, UnpairedTensor> _unpaired = new(StringComparer.Ordinal);

    /// <summary>Prepares a comparison. Floats of different widths are compared as numbers.</summary>
    /// <exception cref="PithException">The networks take different inputs.</exception>
    public TensorComparison(NetworkTrace reference, NetworkTrace other)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(other);
        if (reference.Inputs.Count != other.Inputs.Count || !reference.Inputs.Zip(other.Inputs).All(pair => pair.First.Type.Accepts(IsFloat(pair.First.Type.DataType, pair.Second.Type.DataType) ? pair.Second.Type.As(pair.First.Type.DataType) : pair.Second.Type)))
            throw new PithException($"The networks take different inputs and cannot be compared: {SymbolSizes.Text(reference.Inputs)} against {SymbolSizes.Text(other.Inputs)}.");
        (_reference, _other) = (reference, other);
    }

    /// <summary>The differences so far, in the reference's execution order.</summary>
    public IReadOnlyList<TensorDifference> Differences => [.. _entries.Select(entry => entry.ToDifference())];

    /// <summary>
    /// Tensors of either side that have no partner: the other network has none of this name, or one of another type or shape. Tensors that the other side computes only
    /// inside a fused layer are left out, unless they are outputs. Outputs come first.
    /// </summary>
    public IReadOnlyList<UnpairedTensor> Unpaired => [.. _unpaired.Values.OrderByDescending(tensor => tensor.IsOutput)];

    /// <summary>Runs both on the same inputs, the reference's, and adds what differs.</summary>
    public void Add(IReadOnlyList<Tensor> inputs)
    {
        var (references, others) = (Run(_reference, inputs), Run(_other, inputs));
        foreach (var (name, tensor) in references)
        {
            if (!others.TryGetValue(name, out var other)) Miss(name, _reference, _other, "the other network");
            else if (other.Shape != tensor.Shape || (other.DataType != tensor.DataType && !IsFloat(other.DataType, tensor.DataType))) _unpaired.TryAdd(name, new UnpairedTensor(name, IsOutput(name), $"it is {tensor} in the reference and {other} in the other network"));
            else Find(name, tensor, other).Add(tensor, other);
        }
        foreach (var name in others.Keys)
            if (!references.ContainsKey(name)) Miss(name, _other, _reference, "the reference");
    }

    private static OrderedDictionary<string, Tensor> Run(NetworkTrace trace, IReadOnlyList<Tensor> inputs)
    {
        var tensors = new OrderedDictionary<string, Tensor>(StringComparer.Ordinal);
        trace.Run([.. inputs.Zip(trace.Inputs, (tensor, input) => tensor.ConvertTo(input.Type.DataType))], (name, tensor) => tensors[name] = tensor);
        return tensors;
    }

    private static bool IsFloat(DataType first, DataType second) => first.IsFloat() && second.IsFloat();

    // Tensors that passes added are not part of the network, and tensors inside a fused layer are not missing.
    private void Miss(string name, NetworkTrace seenIn, NetworkTrace notSeenIn, string where)
    {
        if (!seenIn.Outputs.Contains(name) && (!seenIn.Has(name) || notSeenIn.Has(name))) return;
        _unpaired.TryAdd(name, new UnpairedTensor(name, IsOutput(name), $"{where} has no tensor of this name"));
    }

    private bool IsOutput(string name) => _reference.Outputs.Contains(name) || _other.Outputs.Contains(name);

    private Entry Find(string name, Tensor tensor, Tensor other)
    {
        if (_byName.TryGetValue(name, out var entry)) return entry;
        _entries.Add(entry = new Entry(name, tensor.ToString(), other.DataType == tensor.DataType ? null : other.ToString(), IsOutput(name)));
        return _byName[name] = entry;
    }

    private sealed class Entry(string name, string type, string? otherType, bool isOutput)
    {
        private readonly SignalComparison _signal = new();
        private long _different;

        public void Add(Tensor reference, Tensor other)
        {
            _signal.Add(reference.ConvertTo(DataType.Float64).As<double>().Data, other.ConvertTo(DataType.Float64).As<double>().Data);
            // Between different types every element counts as different.
            if (otherType is not null) _different += reference.Shape.Length;
            if (otherType is not null || reference.Bytes.SequenceEqual(other.Bytes)) return;
            var size = reference.DataType.SizeInBytes();
            for (var at = 0; at < reference.Bytes.Length; at += size)
                if (!reference.Bytes.Slice(at, size).SequenceEqual(other.Bytes.Slice(at, size))) _different++;
        }

        public TensorDifference ToDifference() => new()
        {
            Name = name,
            Type = type,
            OtherType = otherType,
            IsOutput = isOutput,
            Count = _signal.Count,
            Different = _different,
            MaxAbsoluteError = _signal.MaxAbsoluteError,
            SnrDecibels = _signal.SnrDecibels,
            Cosine = _signal.Cosine,
        };
    }
}
