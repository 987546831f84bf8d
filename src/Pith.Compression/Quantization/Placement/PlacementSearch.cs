namespace Pith.Compression;

/// <summary>Applies the rules to a graph and collects what they say. Lives for one call of <see cref="QdqPlacement.Find"/>.</summary>
internal sealed class PlacementSearch
{
    private readonly Graph _graph;
    private readonly Dictionary<Node, int> _positions = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Value, List<Use>> _uses = new(ReferenceEqualityComparer.Instance);

    public PlacementSearch(Graph graph)
    {
        _graph = graph;
        for (var i = 0; i < graph.Nodes.Count; i++) _positions[graph.Nodes[i]] = i;
        IsPreActivationResidual = graph.Nodes.Any(node => PreActivationRule.IsPreActivation(node) && node.Inputs[0]!.Producer!.Op is Ops.Add or Ops.MaxPool);
        // A concat counts as quantizable whatever its readers turn out to be, so that rules may name it.
        Layers = [.. graph.Nodes.Where(node => node.Op is Ops.Concat || OperandsByRules(node).Count > 0)];
    }

    /// <summary>Nodes that some rule concerns, in execution order: what users may name.</summary>
    public IReadOnlyList<Node> Layers { get; }

    /// <summary>True for residual networks with BatchNormalization before the convolutions.</summary>
    public bool IsPreActivationResidual { get; }

    /// <summary>Quantized operands by value.</summary>
    public IReadOnlyDictionary<Value, List<Use>> Uses => _uses;

    /// <summary>The place of <paramref name="node"/> in execution order.</summary>
    public int PositionOf(Node node) => _positions[node];

    /// <summary>Runs every rule on each node that <paramref name="isInt8"/> accepts, consumers first.</summary>
    public void Run(Func<Node, bool> isInt8)
    {
        foreach (var node in _graph.Nodes.Reverse())
        {
            if (!isInt8(node)) continue;
            foreach (var operand in OperandsByRules(node)) Quantize(new Use(node, operand));
        }
        AdoptReaders();
    }

    /// <summary>The values with quantized uses among <paramref name="value"/> and what ops that keep values make of it.</summary>
    public IEnumerable<Value> QuantizedReadings(Value value)
    {
        if (_uses.ContainsKey(value)) yield return value;
        foreach (var use in value.Uses)
        {
            if (use.Index != 0 || !ConcatRule.KeepsValues(use.Node)) continue;
            foreach (var reading in QuantizedReadings(use.Node.Output)) yield return reading;
        }
    }

    private IReadOnlyList<int> OperandsByRules(Node node) =>
        PlacementRule.All.Select(rule => rule.OperandsToQuantize(node, this)).FirstOrDefault(operands => operands.Count > 0) ?? [];

    private void Quantize(Use use)
    {
        var value = use.Node.Inputs[use.Index]!;
        if (!_uses.TryGetValue(value, out var uses)) _uses[value] = uses = [];
        uses.Add(use);
    }

    /// <summary>
    /// An op that keeps values, between two quantized tensors, reads the quantized input as well: otherwise a float copy of it would have to be kept for that op alone.
    /// </summary>
    private void AdoptReaders()
    {
        foreach (var node in _graph.Nodes)
        {
            var use = new Use(node, 0);
            if (!ConcatRule.KeepsValues(node) || !_uses.TryGetValue(node.Inputs[0]!, out var uses) || uses.Contains(use)) continue;
            if (QuantizedReadings(node.Output).Any()) uses.Add(use);
        }
    }
}
