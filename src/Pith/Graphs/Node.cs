namespace Pith;

/// <summary>One application of an <see cref="Op"/> in a <see cref="Graph"/>. Created by the graph only.</summary>
public sealed class Node
{
    private Value?[] _inputs;
    private Value[] _outputs = [];

    internal Node(Graph graph, string name, Op op, Value?[] inputs)
    {
        Graph = graph;
        Name = name;
        Op = op;
        _inputs = inputs;
    }

    /// <summary>The graph that this node belongs to.</summary>
    public Graph Graph { get; }

    /// <summary>The name, unique among the graph's nodes; what users write in include/exclude patterns.</summary>
    public string Name { get; internal set; }

    /// <summary>What the node computes: the operator and its attributes.</summary>
    public Op Op { get; }

    /// <summary>The operands in schema order; null where an optional operand is absent.</summary>
    public IReadOnlyList<Value?> Inputs => _inputs;

    /// <summary>The results, at least one.</summary>
    public IReadOnlyList<Value> Outputs => _outputs;

    /// <summary>The first result: the only one of most ops.</summary>
    public Value Output => _outputs[0];

    /// <summary>The operand at <paramref name="index"/>, or null when it is absent or the node has fewer.</summary>
    public Value? Input(int index) => index < _inputs.Length ? _inputs[index] : null;

    /// <summary>Computes the results by the op's own definition.</summary>
    /// <exception cref="PithException">The op cannot be evaluated on these operands, or the results are too large.</exception>
    internal Tensor[] Evaluate(IReadOnlyList<Tensor?> operands)
    {
        try
        {
            return Op.Evaluate(operands, _outputs.Length);
        }
        catch (Exception failure) when (failure is OverflowException or OutOfMemoryException)
        {
            throw new PithException($"{Op.Schema.Name} '{Name}' of {string.Join(", ", operands.Select(operand => operand?.ToString() ?? "nothing"))}: the result is larger than Pith can represent, or than the memory.", failure);
        }
    }

    internal void SetOutputs(Value[] outputs) => _outputs = outputs;

    internal void SetInput(int index, Value? value)
    {
        if (index >= _inputs.Length) Array.Resize(ref _inputs, index + 1);
        _inputs[index]?.RemoveUse(new Use(this, index));
        _inputs[index] = value;
        value?.AddUse(new Use(this, index));
    }

    /// <summary>Results, op and operands: <c>%y:f32[N,8] = Relu %x</c>.</summary>
    public override string ToString() =>
        $"{string.Join(", ", _outputs.Select(output => output.ToString()))} = {Op} {string.Join(", ", _inputs.Select(input => input is null ? "_" : "%" + input.Name))}";
}
