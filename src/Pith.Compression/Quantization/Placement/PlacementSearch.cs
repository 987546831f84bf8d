namespace Pith.Compression.Quantization;

/// <summary>Applies the rules to a graph and collects what they say. Lives for one call of <see cref="QdqPlacement.Find"/>.</summary>
internal sealed class PlacementSearch
{
    private readonly Graph _graph;
    private readonly Dictionary<Node, int> _positions = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Value, List<Use>> _uses = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Value> _forAll = new(ReferenceEqualityComparer.Instance);
    private readonly IReadOnlyList<PlacementRule> _rules;

    public PlacementSearch(Graph graph, IReadOnlyList<PlacementRule> rules)
    {
        (_graph, _rules) = (graph, rules);
        for (var i = 0; i < graph.Nodes.Count; i++) _positions[graph.Nodes[i]] = i;
        IsPreActivationResidual = graph.Nodes.Any(node => PreActivationRule.IsPreActivation(node) && node.Inputs[0]!.Producer!.Op is Ops.Add or Ops.MaxPool);
        // A concat of floats counts as quantizable whatever its readers turn out to be, so that rules may name it; one of integers spells a shape.
        Layers = [.. graph.Nodes.Where(node => node is { Op: Ops.Concat, Output.Type.DataType: DataType.Float32 } || RuleOf(node) is not null)];
    }

    /// <summary>Nodes that some rule concerns, in execution order: what users may name.</summary>
    public IReadOnlyList<Node> Layers { get; }

    /// <summary>True for residual networks with BatchNormalization before the convolutions.</summary>
    public bool IsPreActivationResidual { get; }

    /// <summary>Quantized operands by value.</summary>
    public IReadOnlyDictionary<Value, List<Use>> Uses => _uses;

    /// <summary>True when every reader gets the dequantized value, the graph's caller included.</summary>
    public bool IsQuantizedForAll(Value value) => _forAll.Contains(value);

    /// <summary>The place of <paramref name="node"/> in execution order.</summary>
    public int PositionOf(Node node) => _positions[node];

    /// <summary>Runs every rule on each node that <paramref name="isInt8"/> accepts, consumers first.</summary>
    public void Run(Func<Node, bool> isInt8)
    {
        foreach (var node in _graph.Nodes.Reverse())
        {
            if (!isInt8(node)) continue;
            if (RuleOf(node) is not var (rule, operands)) continue;
            foreach (var operand in operands) Quantize(new Use(node, operand));
            if (rule.QuantizesResult(node, this)) QuantizeForAll(ResultOf(node));
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
            foreach (var reading in use.Node.Outputs.SelectMany(QuantizedReadings)) yield return reading;
        }
    }

    /// <summary>What a node computes together with the batch norm and the Relu or Clip that alone read it: the value that a pair after the node goes after.</summary>
    public static Value ResultOf(Node node)
    {
        var result = node.Output;
        if (ComputeLayerRule.IsComputeLayer(node) && result.SingleConsumer is { Op: Ops.BatchNormalization } norm) result = norm.Output;
        return result.SingleConsumer is { Op: Ops.Relu or Ops.Clip } activation ? activation.Output : result;
    }

    private (PlacementRule Rule, IReadOnlyList<int> Operands)? RuleOf(Node node)
    {
        foreach (var rule in _rules)
            if (rule.OperandsToQuantize(node, this) is { Count: > 0 } operands) return (rule, operands);
        return null;
    }

    private void QuantizeForAll(Value value)
    {
        _uses[value] = [.. value.Uses];
        _forAll.Add(value);
    }

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
            if (node.Outputs.SelectMany(QuantizedReadings).Any()) uses.Add(use);
        }
    }
}
