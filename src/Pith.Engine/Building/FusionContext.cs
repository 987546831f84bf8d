namespace Pith.Building;

/// <summary>What fusions share: which nodes are taken, and which values must stay visible.</summary>
internal sealed class FusionContext
{
    private readonly HashSet<Value> _visible;
    private readonly HashSet<Node> _taken = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Node, int> _order = new(ReferenceEqualityComparer.Instance);

    public FusionContext(Graph graph, IEnumerable<Value> observed, BatchShapes shapes, EngineOptions options)
    {
        Graph = graph;
        Shapes = shapes;
        Literal = options.Literal;
        AllowsBf16 = options.Bf16;
        _visible = new HashSet<Value>(observed.Concat(graph.Outputs), ReferenceEqualityComparer.Instance);
        foreach (var node in graph.Nodes) _order.Add(node, _order.Count);
    }

    public Graph Graph { get; }

    public BatchShapes Shapes { get; }

    /// <summary>True when Q and DQ run as written.</summary>
    public bool Literal { get; }

    /// <summary>True when float layers may round their operands to bfloat16.</summary>
    public bool AllowsBf16 { get; }

    public int Order(Node node) => _order[node];

    public bool IsTaken(Node node) => _taken.Contains(node);

    /// <summary>Notes a layer: its nodes are taken, and what it reads has to be computed as it is, whatever else the nodes that read it in the graph may be part of.</summary>
    public void Take(FusedNode layer)
    {
        _taken.UnionWith(layer.Nodes);
        _visible.UnionWith(layer.Inputs.OfType<Value>());
    }

    /// <summary>Whether others than the layer that computes it must be able to read the value.</summary>
    public bool IsVisible(Value value) => _visible.Contains(value);

    /// <summary>The one free node that reads <paramref name="value"/>, when a layer may swallow the value; else null.</summary>
    public Node? Next(Value value) => !IsVisible(value) && value.Uses.Count == 1 && !IsTaken(value.Uses[0].Node) ? value.Uses[0].Node : null;

    /// <summary>Whether the two values have the same sizes at every batch.</summary>
    public bool SameShape(Value left, Value right) => ShapeOf(left) == ShapeOf(right);

    /// <summary>The shape of a value; constants made during fusion included.</summary>
    public BatchShape ShapeOf(Value value) => value.Constant is { } constant ? BatchShape.Fixed(constant.Shape) : Shapes.Of[value];
}
