namespace Pith;

/// <summary>One place where a <see cref="Value"/> is read: input <paramref name="Index"/> of <paramref name="Node"/>.</summary>
public readonly record struct Use(Node Node, int Index);

/// <summary>
/// A tensor that flows through a <see cref="Graph"/>: an input of the graph, a constant (weights), or the output of a node.
/// Created by the graph only. Not thread-safe, like the graph it belongs to.
/// </summary>
public sealed class Value
{
    private readonly List<Use> _uses = [];

    internal Value(Graph graph, string name, TensorType type)
    {
        Graph = graph;
        Name = name;
        Type = type;
    }

    /// <summary>The graph that this value belongs to.</summary>
    public Graph Graph { get; }

    /// <summary>The name, unique in the graph; change it with <see cref="Graph.Rename(Value, string)"/>.</summary>
    public string Name { get; internal set; }

    /// <summary>Element type and dimensions, inferred when the value was inserted.</summary>
    public TensorType Type { get; }

    /// <summary>The node that computes the value; null for inputs and constants.</summary>
    public Node? Producer { get; internal init; }

    /// <summary>Which output of <see cref="Producer"/> this is.</summary>
    public int OutputIndex { get; internal init; }

    /// <summary>The tensor of a constant, else null. Change it with <see cref="Graph.SetConstant"/>; treat its elements as read-only.</summary>
    public Tensor? Constant { get; internal set; }

    /// <summary>
    /// For small integer vectors and scalars that hold shapes: the elements as far as inference knows them, symbols included; else null.
    /// This is how <c>Shape → Gather → Concat → Reshape</c> keeps a symbolic batch.
    /// </summary>
    public ValueList<Dim>? ShapeValue { get; internal set; }

    /// <summary>Every place that reads this value, in no particular order. A node that reads it twice is listed twice.</summary>
    public IReadOnlyList<Use> Uses => _uses;

    /// <summary>True when the value is one of the graph's inputs.</summary>
    public bool IsGraphInput => Graph.Inputs.Contains(this);

    /// <summary>True when the value is one of the graph's outputs.</summary>
    public bool IsGraphOutput => Graph.Outputs.Contains(this);

    /// <summary>The one node that reads this value, when exactly one does, once, and the graph does not return it; else null.</summary>
    public Node? SingleConsumer => _uses.Count == 1 && !IsGraphOutput ? _uses[0].Node : null;

    internal void AddUse(Use use) => _uses.Add(use);

    internal void RemoveUse(Use use) => _uses.Remove(use);

    /// <summary>Name and type: <c>%conv1:f32[N,64,112,112]</c>.</summary>
    public override string ToString() => $"%{Name}:{Type}";
}
