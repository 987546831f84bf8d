namespace Pith;

/// <summary>Gives a network's inputs other shapes; everything after them is inferred anew.</summary>
public static class InputShapes
{
    /// <summary>
    /// A copy of <paramref name="graph"/> with these input shapes. A symbol that an input's old shape has where the new one has a number, or another symbol, is replaced in the other inputs too.
    /// </summary>
    /// <param name="graph">The network; not changed.</param>
    /// <param name="shapes">Dimensions by the name of the input.</param>
    /// <exception cref="PithException">There is no such input, the number of dimensions differs, two inputs give a symbol different sizes, or the network cannot have these sizes; the message names the first node.</exception>
    public static Graph Set(Graph graph, IReadOnlyDictionary<string, ValueList<Dim>> shapes)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(shapes);
        var symbols = new Dictionary<string, Dim>(StringComparer.Ordinal);
        foreach (var (name, dims) in shapes)
        {
            if (graph.Inputs.FirstOrDefault(input => input.Name == name) is not { } input)
                throw new PithException($"Graph '{graph.Name}' has no input '{name}'; it has {string.Join(", ", graph.Inputs.Select(known => $"'{known.Name}'"))}.");
            if (dims.Count != input.Type.Rank) throw new PithException($"Input '{name}' is {input.Type}: it has {input.Type.Rank} dimensions, {dims.Count} were given.");
            for (var axis = 0; axis < dims.Count; axis++)
            {
                if (input.Type[axis].Symbol is not { } symbol) continue;
                if (symbols.TryGetValue(symbol, out var other) && other != dims[axis]) throw new PithException($"'{symbol}' would be {other} and {dims[axis]} at once.");
                symbols[symbol] = dims[axis];
            }
        }
        try
        {
            return GraphCloner.Clone(graph, input => shapes.TryGetValue(input.Name, out var dims) ? input.Type.With(dims) : input.Type.With(input.Type.Dims.Select(dim => dim.Bind(symbol => symbols.TryGetValue(symbol, out var size) ? size : null)).ToValueList()));
        }
        catch (PithException failure)
        {
            throw new PithException($"Graph '{graph.Name}' cannot have these input shapes: {failure.Message}", failure);
        }
    }
}
