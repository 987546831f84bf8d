using System.Text;

namespace Pith;

/// <summary>
/// An operator with its attributes: what a <see cref="Node"/> computes. Immutable and value-equal; lists of attributes are <see cref="ValueList{T}"/>.
/// An op knows its schema, its types, its meaning (plain loops), its gradient and its cost, and nothing else: an optimisation is a pass.
/// </summary>
public abstract record Op
{
    /// <summary>Name, domain and operand counts; one static instance per op, listed in <see cref="OpCatalog"/>.</summary>
    public abstract OpSchema Schema { get; }

    /// <summary>The number of outputs that a node of this op has at least; some attributes change it (Split).</summary>
    public virtual int MinOutputs => Schema.MinOutputs;

    /// <summary>The types of the outputs, as many as <see cref="InferContext.OutputCount"/>.</summary>
    /// <exception cref="PithException">The operands do not fit; built with <see cref="InferContext.Error"/>.</exception>
    public abstract ValueList<TensorType> Infer(InferContext context);

    /// <summary>
    /// Computes the outputs with plain loops that anyone can check against the ONNX text. Called with operands whose types passed <see cref="Infer"/>.
    /// Never changes its inputs; may return one of them unchanged.
    /// </summary>
    /// <param name="inputs">The operands; null where an optional one is absent.</param>
    /// <param name="outputCount">How many outputs are wanted.</param>
    public abstract Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount);

    /// <summary>
    /// Emits the nodes that compute the gradient of the loss with respect to each operand; null where none flows (indices, shapes).
    /// </summary>
    /// <exception cref="PithException">The op has no gradient.</exception>
    public virtual Value?[] Gradient(GradientContext context) =>
        throw new PithException($"{Schema.Name} '{context.Node.Name}' has no gradient, so a network that contains it cannot be trained through it.");

    /// <summary>Multiply-accumulates that one run of <paramref name="node"/> takes; 0 for ops that are not counted so. Symbolic dimensions count as 1.</summary>
    public virtual long Cost(Node node) => 0;

    /// <summary>Writes the attributes (and operands that the target opset has as attributes, or the other way round) for export.</summary>
    public virtual void Write(OpWriter writer) { }

    /// <summary>The op with its attributes: <c>Conv(Strides = [2,2], Group = 1)</c>, or the name alone when there are none.</summary>
    public sealed override string ToString()
    {
        var attributes = new StringBuilder();
        return PrintMembers(attributes) ? $"{Schema.Name}({attributes})" : Schema.Name;
    }

    /// <summary>Prints the attributes; the signature is not one.</summary>
    protected virtual bool PrintMembers(StringBuilder builder) => false;
}
