namespace Pith;

/// <summary>
/// A network as a directed acyclic graph of <see cref="Node"/>s and <see cref="Value"/>s. Types and shapes are inferred when a node is added, so a graph
/// that is wrong cannot be built; <see cref="GraphVerifier"/> checks the rest between passes. Not thread-safe while it is changed.
/// </summary>
public sealed class Graph
{
    private readonly List<Value> _inputs = [];
    private readonly List<Value> _outputs = [];
    private readonly List<Node> _insertionOrder = [];
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _nodeNames = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _nextSuffix = new(StringComparer.Ordinal);
    private Node[]? _sorted;

    /// <summary>An empty graph.</summary>
    public Graph(string name = "graph") => Name = name;

    /// <summary>The model's name.</summary>
    public string Name { get; set; }

    /// <summary>Free text that travels with the model in its file: preprocessing, provenance, compression state. Keys of Pith's own start with <c>pith.</c></summary>
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>What the caller feeds, in order.</summary>
    public IReadOnlyList<Value> Inputs => _inputs;

    /// <summary>What the graph returns, in order.</summary>
    public IReadOnlyList<Value> Outputs => _outputs;

    /// <summary>The nodes so that each stands after the producers of its operands; otherwise in the order of insertion.</summary>
    /// <exception cref="PithException">The graph has a cycle.</exception>
    public IReadOnlyList<Node> Nodes => _sorted ??=
        [.. DepthFirstOrder.Sort(_insertionOrder, node => node.Inputs.Select(input => input?.Producer), (_, node) => new PithException($"The graph has a cycle through node '{node.Name}' ({node.Op.Schema.Name})."))];

    /// <summary>Every value: inputs, constants and node outputs.</summary>
    public IReadOnlyCollection<Value> Values => _values.Values;

    /// <summary>The constants (weights and other initializers).</summary>
    public IEnumerable<Value> Constants => _values.Values.Where(value => value.Constant is not null);

    /// <summary>The value called <paramref name="name"/>, or null.</summary>
    public Value? Find(string name) => _values.GetValueOrDefault(name);

    /// <summary>Adds an input.</summary>
    /// <exception cref="PithException">The name is taken.</exception>
    public Value AddInput(string name, TensorType type)
    {
        var value = Register(new Value(this, name, type));
        _inputs.Add(value);
        return value;
    }

    /// <summary>Adds a constant; the graph keeps <paramref name="tensor"/> itself, not a copy. A taken name gets a suffix.</summary>
    public Value AddConstant(string name, Tensor tensor) =>
        Register(new Value(this, UniqueValueName(name), TensorType.Of(tensor)) { Constant = tensor, ShapeValue = ShapeValues.Of(tensor) });

    /// <summary>Declares <paramref name="value"/> as the next output.</summary>
    /// <exception cref="PithException">The value belongs to another graph or is an output already.</exception>
    public void AddOutput(Value value)
    {
        RequireOwn(value);
        if (_outputs.Contains(value)) throw new PithException($"'{value.Name}' is an output of graph '{Name}' already; add an Identity to return it twice.");
        _outputs.Add(value);
    }

    /// <summary>Takes back the outputs after the first <paramref name="count"/>; their values stay in the graph.</summary>
    public void KeepOutputs(int count) => _outputs.RemoveRange(count, _outputs.Count - count);

    /// <summary>Adds a node with one output and returns that output.</summary>
    /// <exception cref="PithException">The operands do not fit the op; the message names node, op, expected and got.</exception>
    public Value Add(Op op, params ReadOnlySpan<Value?> inputs) => AddNode(op, inputs).Output;

    /// <summary>
    /// Adds a node; the types of its outputs are inferred here. Names that are taken get a suffix; without a name the op's name is used.
    /// </summary>
    /// <param name="op">The operator with its attributes.</param>
    /// <param name="inputs">The operands; null where an optional one is absent.</param>
    /// <param name="name">The node's name.</param>
    /// <param name="outputNames">The names of the outputs; also says how many of the op's optional outputs are wanted. Empty: the op's minimum, named after the node.</param>
    /// <exception cref="PithException">The operands do not fit the op; the message names node, op, expected and got.</exception>
    public Node AddNode(Op op, ReadOnlySpan<Value?> inputs, string? name = null, ReadOnlySpan<string> outputNames = default)
    {
        foreach (var input in inputs) if (input is not null) RequireOwn(input);
        var node = new Node(this, UniqueNodeName(string.IsNullOrEmpty(name) ? op.Schema.Name : name), op, inputs.ToArray());
        var outputCount = Math.Max(outputNames.Length, op.MinOutputs);
        var context = new InferContext(node.Name, op, node.Inputs, outputCount);
        var types = context.Infer();

        var outputs = new Value[types.Count];
        for (var i = 0; i < outputs.Length; i++)
        {
            var wanted = i < outputNames.Length && outputNames[i].Length > 0 ? outputNames[i] : i == 0 ? node.Name + ":out" : $"{node.Name}:out{i}";
            outputs[i] = Register(new Value(this, UniqueValueName(wanted), types[i]) { Producer = node, OutputIndex = i, ShapeValue = context.ShapeValue(i) });
        }
        node.SetOutputs(outputs);
        for (var i = 0; i < inputs.Length; i++) inputs[i]?.AddUse(new Use(node, i));
        _nodeNames.Add(node.Name);
        _insertionOrder.Add(node);
        _sorted = null;
        return node;
    }

    /// <summary>Makes every reader of <paramref name="from"/> read <paramref name="to"/> instead. When <paramref name="from"/> is an output of the graph, <paramref name="to"/> takes its place and its name.</summary>
    /// <param name="from">The value to replace.</param>
    /// <param name="to">What is read instead; its type must fit.</param>
    /// <param name="except">A reader that stays: the node that was just inserted after <paramref name="from"/>.</param>
    /// <exception cref="PithException">Element type or dimensions differ.</exception>
    public void ReplaceAllUses(Value from, Value to, Node? except = null)
    {
        RequireOwn(from);
        RequireOwn(to);
        if (ReferenceEquals(from, to)) return;
        if (!from.Type.Accepts(to.Type)) throw new PithException($"'{from.Name}' cannot be replaced by '{to.Name}': expected {from.Type}, got {to.Type}.");
        foreach (var use in from.Uses.ToArray())
            if (!ReferenceEquals(use.Node, except)) use.Node.SetInput(use.Index, to);
        _sorted = null;

        var position = _outputs.IndexOf(from);
        if (position < 0) return;
        if (to.Producer is null || _outputs.Contains(to)) to = Add(new Ops.Identity(), to);
        _outputs[position] = to;
        SwapNames(from, to);
    }

    /// <summary>
    /// Makes operand <paramref name="index"/> of <paramref name="node"/> read <paramref name="value"/>; the node's output types must stay what they are.
    /// An optional operand that the node does not have yet is added.
    /// </summary>
    /// <exception cref="PithException">The operand does not fit, or would change the type of an output.</exception>
    public void ReplaceInput(Node node, int index, Value? value)
    {
        if (value is not null) RequireOwn(value);
        var inputs = new Value?[Math.Max(node.Inputs.Count, index + 1)];
        for (var i = 0; i < inputs.Length; i++) inputs[i] = i == index ? value : node.Input(i);
        var types = new InferContext(node.Name, node.Op, inputs, node.Outputs.Count).Infer();
        for (var i = 0; i < types.Count; i++)
            if (!node.Outputs[i].Type.Accepts(types[i]))
                throw new PithException($"{node.Op.Schema.Name} '{node.Name}': operand {index} cannot become '{value?.Name}': output '{node.Outputs[i].Name}' would turn from {node.Outputs[i].Type} to {types[i]}.");
        node.SetInput(index, value);
        _sorted = null;
    }

    /// <summary>Gives a constant another tensor of the same type and shape, for example its pruned weights.</summary>
    /// <exception cref="PithException">The value is not a constant, or type or shape differ.</exception>
    public void SetConstant(Value value, Tensor tensor)
    {
        RequireOwn(value);
        if (value.Constant is null) throw new PithException($"'{value.Name}' is not a constant of graph '{Name}'.");
        if (value.Type != TensorType.Of(tensor)) throw new PithException($"Constant '{value.Name}': expected {value.Type}, got {tensor}.");
        value.Constant = tensor;
        value.ShapeValue = ShapeValues.Of(tensor);
    }

    /// <summary>Removes a node whose outputs nobody reads.</summary>
    /// <exception cref="PithException">An output is still read or returned.</exception>
    public void Remove(Node node)
    {
        foreach (var output in node.Outputs)
            if (output.Uses.Count > 0 || _outputs.Contains(output))
                throw new PithException($"{node.Op.Schema.Name} '{node.Name}' cannot be removed: its output '{output.Name}' is still in use.");
        for (var i = 0; i < node.Inputs.Count; i++) node.SetInput(i, null);
        foreach (var output in node.Outputs) _values.Remove(output.Name);
        _insertionOrder.Remove(node);
        _nodeNames.Remove(node.Name);
        _sorted = null;
    }

    /// <summary>Removes a constant, or an input of the graph, that nobody reads.</summary>
    /// <exception cref="PithException">It is still read or returned, or is the output of a node.</exception>
    public void Remove(Value value)
    {
        RequireOwn(value);
        if (value.Producer is not null || value.Uses.Count > 0 || _outputs.Contains(value)) throw new PithException($"'{value.Name}' cannot be removed: it is still in use.");
        _inputs.Remove(value);
        _values.Remove(value.Name);
    }

    /// <summary>Renames a value.</summary>
    /// <exception cref="PithException">The name is taken.</exception>
    public void Rename(Value value, string name)
    {
        RequireOwn(value);
        if (value.Name == name) return;
        if (_values.ContainsKey(name)) throw new PithException($"A value called '{name}' is already in graph '{Name}'.");
        _values.Remove(value.Name);
        value.Name = name;
        _values.Add(name, value);
    }

    /// <summary>Renames a node, for example one that took another's place.</summary>
    /// <exception cref="PithException">The name is taken.</exception>
    public void Rename(Node node, string name)
    {
        if (node.Name == name) return;
        if (!_nodeNames.Add(name)) throw new PithException($"A node called '{name}' is already in graph '{Name}'.");
        _nodeNames.Remove(node.Name);
        node.Name = name;
    }

    /// <summary>
    /// A copy that shares only the tensors of constants (copy a tensor before you change its elements). Symbols in <paramref name="bindings"/> get their sizes,
    /// also inside expressions such as <c>2*N+1</c>, and every type is inferred again: <c>graph.Clone(("N", 8))</c> fixes the batch.
    /// </summary>
    /// <exception cref="PithException">The graph is not valid with these sizes.</exception>
    public Graph Clone(params ReadOnlySpan<(string Symbol, int Size)> bindings) => GraphCloner.Clone(this, bindings);

    private Value Register(Value value)
    {
        if (!_values.TryAdd(value.Name, value)) throw new PithException($"A value called '{value.Name}' is already in graph '{Name}'.");
        return value;
    }

    private void RequireOwn(Value value)
    {
        if (!ReferenceEquals(value.Graph, this)) throw new PithException($"'{value.Name}' belongs to graph '{value.Graph.Name}', not to '{Name}'.");
    }

    private void SwapNames(Value first, Value second)
    {
        (first.Name, second.Name) = (second.Name, first.Name);
        _values[first.Name] = first;
        _values[second.Name] = second;
    }

    private string UniqueValueName(string wanted) => Unique(wanted, _values.ContainsKey);

    private string UniqueNodeName(string wanted) => Unique(wanted, _nodeNames.Contains);

    private string Unique(string wanted, Func<string, bool> isTaken)
    {
        if (!isTaken(wanted)) return wanted;
        var suffix = _nextSuffix.GetValueOrDefault(wanted, 1);
        while (isTaken($"{wanted}_{suffix}")) suffix++;
        _nextSuffix[wanted] = suffix + 1;
        return $"{wanted}_{suffix}";
    }

    /// <summary>The printed graph; see <see cref="GraphPrinter"/>.</summary>
    public override string ToString() => GraphPrinter.Print(this);
}
