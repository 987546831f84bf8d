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
}
