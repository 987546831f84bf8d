namespace Pith.Building;

/// <summary>The shape of every value of a graph at every batch up to the largest.</summary>
/// <param name="MaxBatch">The largest batch, or the only one when <paramref name="IsFixed"/>.</param>
/// <param name="IsFixed">True when the graph runs at one batch only.</param>
/// <param name="Of">Shapes by value.</param>
internal sealed record BatchShapes(int MaxBatch, bool IsFixed, IReadOnlyDictionary<Value, BatchShape> Of)
{
    /// <summary>Binds the symbolic leading dimensions of the graph's inputs.</summary>
    /// <exception cref="PithException">Another dimension is symbolic, or the graph is not valid at that batch.</exception>
    public static BatchShapes Infer(Graph graph, int maxBatch)
    {
        if (maxBatch < 1) throw new PithException($"The largest batch must be at least 1, got {maxBatch}.");
        var symbols = graph.Inputs.Where(input => input.Type.Rank > 0).Select(input => input.Type[0].Symbol).OfType<string>().Distinct().ToArray();
        foreach (var input in graph.Inputs)
            foreach (var dim in input.Type.Dims)
                if (!dim.IsFixed && !symbols.Contains(dim.Symbol))
                    throw new PithException($"Input '{input.Name}' is {input.Type}: the dimension '{dim.Symbol}' is known by name only and is not the batch. Give it a size first (Graph.Clone) and build again.");
        var many = At(graph, symbols, maxBatch);
        if (symbols.Length == 0) return new BatchShapes(LeadingSize(graph), true, many.ToDictionary(pair => pair.Key, pair => BatchShape.Fixed(pair.Value)));
        return (maxBatch == 1 ? many : TryAt(graph, symbols)) is { } one && Combine(one, many, maxBatch) is { } shapes
            ? new BatchShapes(maxBatch, maxBatch == 1, shapes)
            : new BatchShapes(maxBatch, true, many.ToDictionary(pair => pair.Key, pair => BatchShape.Fixed(pair.Value)));
    }

    private static int LeadingSize(Graph graph) => graph.Inputs.Count > 0 && graph.Inputs[0].Type.Rank > 1 ? Math.Max(1, graph.Inputs[0].Type[0].Size) : 1;

    private static Dictionary<Value, BatchShape>? Combine(Dictionary<Value, Shape> one, Dictionary<Value, Shape> many, int batch)
    {
        var shapes = new Dictionary<Value, BatchShape>(ReferenceEqualityComparer.Instance);
        foreach (var (value, shape) in many)
        {
            if (BatchShape.Between(one[value], shape, batch) is not { } between) return null;
            shapes.Add(value, between);
        }
        return shapes;
    }

    private static Dictionary<Value, Shape>? TryAt(Graph graph, string[] symbols)
    {
        try
        {
            return At(graph, symbols, 1);
        }
        catch (PithException)
        {
            // A graph that holds its batch in a constant (a reshape to 8 rows, say) is valid at that batch only.
            return null;
        }
    }

    private static Dictionary<Value, Shape> At(Graph graph, string[] symbols, int batch)
    {
        var bound = graph.Clone(symbols.Select(symbol => (symbol, batch)).ToArray());
        var shapes = new Dictionary<Value, Shape>(ReferenceEqualityComparer.Instance);
        foreach (var value in graph.Values)
        {
            var type = bound.Find(value.Name)!.Type;
            if (!type.IsStatic) throw new PithException($"'{value.Name}' is {type} also at batch {batch}: the engine needs every size before it runs. Fix the dimensions that depend on data.");
            shapes.Add(value, type.ToShape());
        }
        return shapes;
    }
}
