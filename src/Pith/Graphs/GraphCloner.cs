namespace Pith;

/// <summary>Copies a graph by adding every node anew, which infers every type anew.</summary>
internal static class GraphCloner
{
    public static Graph Clone(Graph source, ReadOnlySpan<(string Symbol, int Size)> bindings)
    {
        var sizes = bindings.ToArray();
        return Clone(source, input => Bind(input.Type, sizes));
    }

    /// <param name="source">The graph to copy.</param>
    /// <param name="typeOf">The type that an input has in the copy.</param>
    public static Graph Clone(Graph source, Func<Value, TensorType> typeOf)
    {
        var copy = new Graph(source.Name);
        foreach (var (key, text) in source.Metadata) copy.Metadata[key] = text;

        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var input in source.Inputs) copies[input] = copy.AddInput(input.Name, typeOf(input));
        foreach (var constant in source.Constants) copies[constant] = copy.AddConstant(constant.Name, constant.Constant!);
        foreach (var node in source.Nodes)
        {
            var inputs = node.Inputs.Select(input => input is null ? null : copies[input]).ToArray();
            var made = copy.AddNode(node.Op, inputs, node.Name, node.Outputs.Select(output => output.Name).ToArray());
            for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
        }
        foreach (var output in source.Outputs) copy.AddOutput(copies[output]);
        return copy;
    }

    private static TensorType Bind(TensorType type, ReadOnlySpan<(string Symbol, int Size)> bindings)
    {
        if (type.IsStatic || bindings.Length == 0) return type;
        var sizes = new Dictionary<string, Dim>(StringComparer.Ordinal);
        foreach (var (symbol, size) in bindings) sizes[symbol] = size;
        return type.With(type.Dims.Select(dim => dim.Bind(symbol => sizes.TryGetValue(symbol, out var size) ? size : null)).ToValueList());
    }
}
