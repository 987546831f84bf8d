using Pith.Ops;

namespace Pith.Onnx;

/// <summary>An op of a file that is read as a small graph of ordinary ops, so that passes, engine and export know one form of everything.</summary>
/// <param name="Domain">The op's domain.</param>
/// <param name="Name">The op's name.</param>
/// <param name="MinInputs">Fewest operands.</param>
/// <param name="MaxInputs">Most operands; <see cref="int.MaxValue"/> for any number.</param>
/// <param name="Expand">Adds the nodes; returns the results in the op's order.</param>
internal sealed record CompositeOp(string Domain, string Name, int MinInputs, int MaxInputs, Func<CompositeContext, Value[]> Expand)
{
    /// <summary>The domain of ONNX Runtime's own ops.</summary>
    public const string RuntimeDomain = "com.microsoft";

    /// <summary>False for a node that stays the ordinary op of this name.</summary>
    public Func<OpReader, bool> Applies { get; init; } = _ => true;
}

/// <summary>What a <see cref="CompositeOp"/> is expanded with: the node's attributes and operands, and the graph to add to.</summary>
/// <param name="graph">The graph.</param>
/// <param name="reader">The attributes.</param>
/// <param name="inputs">The operands; null where one is absent.</param>
internal sealed class CompositeContext(Graph graph, OpReader reader, IReadOnlyList<Value?> inputs)
{
    private readonly List<Node> _nodes = [];

    /// <summary>The attributes.</summary>
    public OpReader Reader => reader;

    /// <summary>The number of operands given.</summary>
    public int InputCount => inputs.Count;

    /// <summary>What was added so far, in order.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Operand <paramref name="index"/>.</summary>
    /// <exception cref="PithException">It is absent.</exception>
    public Value Input(int index) => Optional(index) ?? throw reader.Error($"operand {index} is missing");

    /// <summary>Operand <paramref name="index"/>, or null when it is absent.</summary>
    public Value? Optional(int index) => index < inputs.Count ? inputs[index] : null;

    /// <summary>Adds the node that does the work and carries the name that the file gives.</summary>
    public Value Main(Op op, params ReadOnlySpan<Value?> operands) => Add(op, reader.NodeName, operands).Output;

    /// <summary>As <see cref="Main"/>, with as many results as <paramref name="outputs"/> names.</summary>
    public Node MainNode(Op op, string[] outputs, params ReadOnlySpan<Value?> operands) => Add(op, reader.NodeName, operands, outputs);

    /// <summary>Adds a node beside it, called <c>name/part</c>.</summary>
    public Value Add(string part, Op op, params ReadOnlySpan<Value?> operands) => AddNode(part, op, operands).Output;

    /// <summary>Adds a node beside it, called <c>name/part</c>, with the op's fewest results.</summary>
    public Node AddNode(string part, Op op, params ReadOnlySpan<Value?> operands) => Add(op, $"{reader.NodeName}/{part}", operands);

    /// <summary>Adds a constant.</summary>
    public Value Constant(string part, Tensor tensor) => graph.AddConstant($"{reader.NodeName}/{part}", tensor);

    /// <summary>The real numbers that operand <paramref name="x"/> stands for.</summary>
    /// <param name="part">What to call the node.</param>
    /// <param name="x">The operand with the integers.</param>
    /// <param name="scale">The operand with the scale.</param>
    /// <param name="zeroPoint">The operand with the zero point, which may be absent.</param>
    /// <param name="axis">The axis of scales that are a vector.</param>
    public Value Dequantize(string part, int x, int scale, int zeroPoint, int axis = 1) => Dequantize(part, Input(x), Input(scale), Optional(zeroPoint), axis);

    /// <summary>The real numbers that <paramref name="x"/> stands for.</summary>
    public Value Dequantize(string part, Value x, Value scale, Value? zeroPoint, int axis = 1)
    {
        if (zeroPoint is not null) (scale, zeroPoint) = (Stretched(part, scale, zeroPoint), Stretched(part, zeroPoint, scale));
        return Add(part, new DequantizeLinear { Axis = axis }, x, scale, zeroPoint);
    }

    /// <summary>The integers of <paramref name="real"/>, of the type of the zero point, or else of <paramref name="type"/>.</summary>
    public Value Quantize(Value real, int scale, int zeroPoint, DataType type) =>
        Add("quantize", new QuantizeLinear(), real, Input(scale), Optional(zeroPoint) ?? Constant("zero_point", Tensor.Zeros(type, new Shape())));

    /// <summary>Requires as many operands as the op has.</summary>
    public void CheckCounts(CompositeOp op)
    {
        if (inputs.Count < op.MinInputs || inputs.Count > op.MaxInputs)
            throw reader.Error($"expected {op.MinInputs}{(op.MaxInputs == op.MinInputs ? "" : op.MaxInputs == int.MaxValue ? " or more" : $" to {op.MaxInputs}")} operands, got {inputs.Count}");
    }

    /// <summary>The product of two scales, computed now when both are constants.</summary>
    public Value Product(string part, Value left, Value right)
    {
        if (left.Constant is null || right.Constant is null) return Add(part, new Mul(), left, right);
        return Constant(part, new Mul().Evaluate([left.Constant, right.Constant], 1)[0]);
    }

    // In these ops a scale and its zero point are per tensor or per channel each for itself; DequantizeLinear wants them alike.
    private Value Stretched(string part, Value one, Value other)
    {
        if (one.Constant is not { Length: 1 } constant || other.Type is not { Rank: 1, IsStatic: true } || other.Type[0].Size == 1) return one;
        return Constant($"{part}/{(one.Type.DataType.IsFloat() ? "scale" : "zero_point")}", new Expand().Evaluate([constant.Reshape(new Shape(1)), Tensor.Vector<long>(other.Type[0].Size)], 1)[0]);
    }

    private Node Add(Op op, string name, ReadOnlySpan<Value?> operands, ReadOnlySpan<string> outputs = default)
    {
        var count = operands.Length;
        while (count > 0 && operands[count - 1] is null) count--;
        var node = graph.AddNode(op, operands[..count], name, outputs);
        _nodes.Add(node);
        return node;
    }
}
