namespace Pith;

/// <summary>What <see cref="Op.Gradient"/> works with: the forward node, the gradients of its outputs, and the graph to emit into.</summary>
public sealed class GradientContext
{
    private readonly IReadOnlyList<Value?> _outputGradients;
    private readonly Func<int, bool> _needs;

    /// <summary>Creates the context for one node.</summary>
    /// <param name="node">The forward node.</param>
    /// <param name="outputGradients">The gradient of the loss with respect to each output; null where none flows.</param>
    /// <param name="needs">Says which operands' gradients are wanted.</param>
    public GradientContext(Node node, IReadOnlyList<Value?> outputGradients, Func<int, bool> needs)
    {
        Node = node;
        _outputGradients = outputGradients;
        _needs = needs;
    }

    /// <summary>The forward node.</summary>
    public Node Node { get; }

    /// <summary>The graph that holds both the forward node and what is emitted.</summary>
    public Graph Graph => Node.Graph;

    /// <summary>The gradient of the loss with respect to the first output.</summary>
    public Value OutputGradient => _outputGradients[0]!;

    /// <summary>The forward operand at <paramref name="index"/>.</summary>
    public Value Input(int index) => Node.Inputs[index]!;

    /// <summary>The first forward result.</summary>
    public Value Output => Node.Output;

    /// <summary>True when somebody wants the gradient of operand <paramref name="index"/>; emitting others is wasted work.</summary>
    public bool Needs(int index) => index < Node.Inputs.Count && Node.Inputs[index] is not null && _needs(index);

    /// <summary>The gradient of output <paramref name="index"/>, or null when none flows into it.</summary>
    public Value? OutputGradientOf(int index) => _outputGradients[index];

    /// <summary>Emits a node named after the forward one and returns its first output.</summary>
    public Value Emit(Op op, params ReadOnlySpan<Value?> inputs) => EmitNode(op, inputs).Output;

    /// <summary>Emits a node named after the forward one.</summary>
    public Node EmitNode(Op op, ReadOnlySpan<Value?> inputs, int outputCount = 0)
    {
        var name = $"{Node.Name}/grad/{op.Schema.Name}";
        var names = new string[outputCount];
        for (var i = 0; i < outputCount; i++) names[i] = i == 0 ? name : $"{name}:{i}";
        return Graph.AddNode(op, inputs, name, names);
    }

    /// <summary>Emits a scalar constant.</summary>
    public Value Constant(float value) => Graph.AddConstant($"{Node.Name}/grad/constant", Tensor.Scalar(value));

    /// <summary>Emits a vector of 64-bit integers, such as a shape or axes.</summary>
    public Value Integers(params ReadOnlySpan<long> values) => Graph.AddConstant($"{Node.Name}/grad/constant", Tensor.Vector(values));

    /// <summary>Undoes broadcasting: sums <paramref name="gradient"/> over the axes along which operand <paramref name="index"/> was stretched.</summary>
    public Value SumTo(int index, Value gradient)
    {
        var type = Input(index).Type;
        var added = gradient.Type.Rank - type.Rank;
        if (added > 0) gradient = Emit(new Ops.ReduceSum(Enumerable.Range(0, added).ToValueList(), KeepDims: false), gradient);
        var stretched = Enumerable.Range(0, type.Rank).Where(axis => type[axis] == 1 && gradient.Type[axis] != 1).ToValueList();
        return stretched.Count > 0 ? Emit(new Ops.ReduceSum(stretched, KeepDims: true), gradient) : gradient;
    }

    /// <summary>Gives <paramref name="gradient"/> the shape of operand <paramref name="index"/>, which has as many elements.</summary>
    public Value ReshapeTo(int index, Value gradient)
    {
        var dims = Input(index).Type.Dims;
        // One unknown size can be left to Reshape; otherwise the sizes are read from the operand at run time.
        var shape = dims.Count(dim => !dim.IsFixed) <= 1
            ? Integers(dims.Select(dim => dim.IsFixed ? dim.Size : -1L).ToArray())
            : Emit(new Ops.ShapeOf(), Input(index));
        return Emit(new Ops.Reshape(), gradient, shape);
    }
}
