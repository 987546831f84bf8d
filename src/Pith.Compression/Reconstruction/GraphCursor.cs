using Pith.Passes;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// Runs calibration images through a network step by step, while later layers still change: it keeps the values that lie between what has been run and what has not, and goes on from there, so that a walk over all layers costs
/// about one run of the network. Nodes that have been passed must not change any more. Where these values would take too much memory, or cannot be fed into a part of the network (integers that spell shapes), it goes on from
/// where it was, which costs time only. One caller at a time.
/// </summary>
internal sealed class GraphCursor
{
    private readonly Graph _graph;
    private readonly CalibrationImages _images;
    private readonly int _threads;
    private readonly long _maxBytes;
    private readonly Dictionary<Node, int> _positions = new(ReferenceEqualityComparer.Instance);
    // Nodes that read constants only, such as a weight's quantization: no values of images, and changed by whoever changes the constant.
    private readonly HashSet<Node> _constant = new(ReferenceEqualityComparer.Instance);
    private readonly TensorPool _pool;
    // Tensors that this cursor made and that nobody else keeps.
    private readonly HashSet<Tensor<float>> _owned = new(ReferenceEqualityComparer.Instance);
    private Dictionary<string, Tensor[]> _live;
    private int _position;

    /// <param name="graph">The network; weights of nodes that were not passed may change.</param>
    /// <param name="images">The images.</param>
    /// <param name="threads">Threads of a run.</param>
    /// <param name="maxBytes">Memory for values of all images.</param>
    /// <param name="pool">Memory that several cursors share; null: its own.</param>
    public GraphCursor(Graph graph, CalibrationImages images, int threads, long maxBytes = 768L << 20, TensorPool? pool = null)
    {
        (_graph, _images, _threads, _maxBytes, _pool) = (graph, images, threads, maxBytes, pool ?? new TensorPool());
        for (var i = 0; i < graph.Nodes.Count; i++)
        {
            var node = graph.Nodes[i];
            _positions[node] = i;
            if (node.Inputs.All(input => input is null || input.Constant is not null || input.Producer is { } producer && _constant.Contains(producer))) _constant.Add(node);
        }
        _live = images.Values();
    }

    /// <summary>The values of all batches, in order, for the caller to keep.</summary>
    /// <param name="values">Computed values that do not lie before the cursor.</param>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public IReadOnlyDictionary<string, Tensor[]> Compute(IReadOnlyCollection<Value> values)
    {
        var results = Borrow(values);
        foreach (var tensor in results.Values.SelectMany(batches => batches).OfType<Tensor<float>>()) _owned.Remove(tensor);
        return results;
    }

    /// <summary>The values of all batches, in order, until the next <see cref="MoveTo"/>: their memory is then used for others.</summary>
    /// <param name="values">Computed values that do not lie before the cursor.</param>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public IReadOnlyDictionary<string, Tensor[]> Borrow(IReadOnlyCollection<Value> values)
    {
        var results = values.Where(value => _live.ContainsKey(value.Name)).DistinctBy(value => value.Name).ToDictionary(value => value.Name, value => _live[value.Name]);
        Value[] missing = [.. values.Where(value => !results.ContainsKey(value.Name)).Distinct()];
        if (missing.Length == 0) return results;
        using var part = PartFor(_graph, missing);
        foreach (var (name, tensors) in part.Run(_pool))
        {
            results[name] = tensors;
            _owned.UnionWith(tensors.OfType<Tensor<float>>());
        }
        return results;
    }

    /// <summary>What lies between the cursor and <paramref name="values"/>, ready to be run several times.</summary>
    /// <param name="variant">The network, or a version of it in which something that has not been passed is another, with the same names.</param>
    /// <param name="values">Computed values of <paramref name="variant"/>. The part has an input for each value at the cursor and for each input of <paramref name="variant"/> that it needs.</param>
    /// <exception cref="PithException">The part cannot be built.</exception>
    public NetworkPart PartFor(Graph variant, IReadOnlyCollection<Value> values) => new(Part(variant, values), _live, _images, _threads);

    /// <summary>The place of <paramref name="node"/> in execution order.</summary>
    public int PositionOf(Node node) => _positions[node];

    /// <summary>Passes everything that comes before <paramref name="node"/>, if the values in between can be kept. The cursor never goes back.</summary>
    /// <exception cref="InvalidOperationException">The node has been passed.</exception>
    public void MoveTo(Node node)
    {
        var position = _positions[node];
        if (position < _position) throw new InvalidOperationException($"The cursor has passed '{node.Name}'.");
        var live = _graph.Inputs.Concat(_graph.Nodes.Take(position).Where(earlier => !_constant.Contains(earlier)).SelectMany(earlier => earlier.Outputs)).Where(value => value.Uses.Any(use => _positions[use.Node] >= position)).ToArray();
        if (live.All(value => _live.ContainsKey(value.Name)))
        {
            // Nothing to compute; what nobody reads any more goes.
            Keep(live.ToDictionary(value => value.Name, value => _live[value.Name], StringComparer.Ordinal), position);
            return;
        }
        // Inputs are kept anyway; a mask of bool is fed as well as floats are.
        if (live.Any(value => value.Producer is not null && value.Type.DataType is not (DataType.Float32 or DataType.Bool)) || live.Sum(BytesOfImage) * _images.Count > _maxBytes)
        {
            Keep(_live, _position);
            return;
        }
        Keep(new Dictionary<string, Tensor[]>(Borrow(live), StringComparer.Ordinal), position);
    }

    private void Keep(Dictionary<string, Tensor[]> live, int position)
    {
        (_live, _position) = (live, position);
        var kept = live.Values.SelectMany(batches => batches).OfType<Tensor<float>>().ToHashSet<Tensor<float>>(ReferenceEqualityComparer.Instance);
        _owned.RemoveWhere(tensor =>
        {
            if (kept.Contains(tensor)) return false;
            _pool.Give(tensor);
            return true;
        });
    }

    /// <summary>Bytes of a value for one image; of a value whose size is not known more than there are.</summary>
    private long BytesOfImage(Value value)
    {
        double bytes = sizeof(float);
        foreach (var dim in value.Type.Dims.Skip(1))
        {
            if (!dim.IsFixed) return _maxBytes + 1;
            bytes *= dim.Size;
        }
        return (long)Math.Min(bytes, _maxBytes + 1.0);
    }

    /// <summary>The nodes between the kept values and <paramref name="values"/> as a network of its own.</summary>
    private Graph Part(Graph variant, IReadOnlyCollection<Value> values)
    {
        var needed = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        var pending = new Stack<Value>(values);
        while (pending.TryPop(out var value))
            if (!_live.ContainsKey(value.Name) && value.Producer is { } producer && needed.Add(producer))
                foreach (var input in producer.Inputs.OfType<Value>()) pending.Push(input);

        var part = new Graph(variant.Name);
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var node in variant.Nodes)
        {
            if (!needed.Contains(node)) continue;
            var made = part.AddNode(node.Op, [.. node.Inputs.Select(input => input is null ? null : Copy(input))], node.Name, [.. node.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var value in values) part.AddOutput(copies[value]);
        return part;

        Value Copy(Value value)
        {
            if (copies.TryGetValue(value, out var copy)) return copy;
            return copies[value] = value.Constant is { } constant ? part.AddConstant(value.Name, constant) : part.AddInput(value.Name, value.Type);
        }
    }
}
