using Pith.Ops;

namespace Pith;

/// <summary>Copies a graph by adding every node anew, which infers every type anew. Derived classes say what is different in the copy. For one copy.</summary>
/// <param name="source">The graph to copy; not changed.</param>
internal class GraphCloner(Graph source)
{
    private readonly Dictionary<Value, Value> _copies = new(ReferenceEqualityComparer.Instance);

    protected Graph Copy { get; } = new(source.Name);

    /// <summary>A copy with sizes in the place of symbols.</summary>
    public static Graph Clone(Graph source, params ReadOnlySpan<(string Symbol, int Size)> bindings)
    {
        if (bindings.IsEmpty) return new GraphCloner(source).Run();
        var sizes = new Dictionary<string, Dim>(StringComparer.Ordinal);
        foreach (var (symbol, size) in bindings) sizes[symbol] = size;
        return Clone(source, input => input.Type.IsStatic ? input.Type : input.Type.With(input.Type.Dims.Select(dim => dim.Bind(symbol => sizes.TryGetValue(symbol, out var size) ? size : null)).ToValueList()));
    }

    /// <param name="source">The graph to copy.</param>
    /// <param name="typeOf">The type that an input has in the copy.</param>
    public static Graph Clone(Graph source, Func<Value, TensorType> typeOf) => new TypedCloner(source, typeOf).Run();

    public Graph Run()
    {
        foreach (var (key, text) in source.Metadata) Copy.Metadata[key] = text;
        foreach (var input in source.Inputs) _copies[input] = AddInput(input);
        foreach (var constant in source.Constants) _copies[constant] = Copy.AddConstant(constant.Name, ConstantOf(constant));
        foreach (var node in source.Nodes)
        {
            var inputs = node.Inputs.Select(input => input is null ? null : _copies[input]).ToArray();
            var made = Copy.AddNode(OpOf(node, inputs), inputs, node.Name, node.Outputs.Select(NameOf).ToArray());
            for (var i = 0; i < made.Outputs.Count; i++) _copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var output in source.Outputs) Copy.AddOutput(OutputOf(output, _copies[output]));
        return Copy;
    }

    /// <summary>What stands for an input of the source.</summary>
    protected virtual Value AddInput(Value input) => Copy.AddInput(input.Name, TypeOf(input));

    /// <summary>The type of an input.</summary>
    protected virtual TensorType TypeOf(Value input) => input.Type;

    /// <summary>The elements of a constant.</summary>
    protected virtual Tensor ConstantOf(Value constant) => constant.Constant!;

    /// <summary>The op of a node; may put other operands in the place of <paramref name="inputs"/>.</summary>
    protected virtual Op OpOf(Node node, Value?[] inputs) => node.Op;

    /// <summary>The name of what stands for a node's result.</summary>
    protected virtual string NameOf(Value output) => output.Name;

    /// <summary>What becomes the output; <paramref name="made"/> stands for it.</summary>
    protected virtual Value OutputOf(Value output, Value made) => made;

    private sealed class TypedCloner(Graph source, Func<Value, TensorType> typeOf) : GraphCloner(source)
    {
        protected override TensorType TypeOf(Value input) => typeOf(input);
    }
}
