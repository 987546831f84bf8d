namespace Pith.Building;

/// <summary>The shape of every value of a graph at every batch up to the largest.</summary>
/// <param name="MaxBatch">The largest batch, or the only one when <paramref name="IsFixed"/>.</param>
/// <param name="IsFixed">True when the graph runs at one batch only.</param>
/// <param name="Of">Shapes by value.</param>
internal sealed record BatchShapes(int MaxBatch, bool IsFixed, IReadOnlyDictionary<Value, BatchShape> Of)
{
    // Batches at which every size is looked at. They tell multiples of the batch from what only looks like one at some batches, such as squares and constants that equal a batch.
    private static readonly int[] s_probes = [1, 2, 3, 5, 7];

    // Up to here expressions are evaluated at every batch, beyond at some.
    private const int MostBatches = 1024;

    /// <summary>Binds the symbolic leading dimensions of the graph's inputs.</summary>
    /// <exception cref="PithException">Another dimension is symbolic, or the graph is not valid at that batch.</exception>
    public static BatchShapes Infer(Graph graph, int maxBatch)
    {
        if (maxBatch < 1) throw new PithException($"The largest batch must be at least 1, got {maxBatch}.");
        var symbols = graph.Inputs.Where(input => input.Type.Rank > 0).SelectMany(input => input.Type[0].Symbols).Distinct().ToArray();
        var others = graph.Inputs.SelectMany(input => input.Type.Dims).SelectMany(dim => dim.Symbols).Except(symbols).ToArray();
        if (others.Length > 0)
        {
            var input = graph.Inputs.First(input => input.Type.Dims.Any(dim => dim.Symbols.Any(others.Contains)));
            throw new PithException($"Input '{input.Name}' is {input.Type}: {string.Join(", ", others.Select(name => $"'{name}'"))} {(others.Length == 1 ? "is a size" : "are sizes")} known by name only, and not the batch, which is the first dimension of an input. Give {(others.Length == 1 ? "it" : "them")} a size first: --size {string.Join(",", others.Select(name => $"{name}=NUMBER"))} on the command line (height and width of images: --size 224x224), Graph.Clone((\"{others[0]}\", 224)) in a program.");
        }
        var many = At(graph, symbols, maxBatch);
        if (symbols.Length == 0) return Fixed(LeadingSize(graph), many);
        return maxBatch > 1 && Multiples(graph, symbols, many, maxBatch) is { } shapes ? new BatchShapes(maxBatch, false, shapes) : Fixed(maxBatch, many);
    }

    private static BatchShapes Fixed(int batch, Dictionary<Value, Shape> shapes) => new(batch, true, shapes.ToDictionary(pair => pair.Key, pair => BatchShape.Fixed(pair.Value)));

    private static int LeadingSize(Graph graph) => graph.Inputs.Count > 0 && graph.Inputs[0].Type.Rank > 1 ? Math.Max(1, graph.Inputs[0].Type[0].Size) : 1;

    // Null when the graph is not valid at all batches, or has a size that is neither fixed nor a multiple of the batch.
    private static Dictionary<Value, BatchShape>? Multiples(Graph graph, string[] symbols, Dictionary<Value, Shape> many, int maxBatch)
    {
        if (TryAt(graph, symbols, 1) is not { } one) return null;
        var shapes = new Dictionary<Value, BatchShape>(ReferenceEqualityComparer.Instance);
        foreach (var (value, shape) in many)
        {
            if (Between(one[value], shape, maxBatch) is not { } between) return null;
            shapes.Add(value, between);
        }
        foreach (var batch in s_probes.Append(maxBatch - 1).Where(batch => batch > 1 && batch < maxBatch).Distinct())
            if (TryAt(graph, symbols, batch) is not { } probed || probed.Any(pair => shapes[pair.Key].At(batch) != pair.Value)) return null;
        return shapes.All(pair => Agrees(pair.Key.Type, pair.Value, symbols, maxBatch)) ? shapes : null;
    }

    // Whether the sizes are those of the type's expressions at every batch, as far as it has any.
    private static bool Agrees(TensorType type, BatchShape shape, string[] symbols, int maxBatch)
    {
        if (type.Rank != shape.Rank) return false;
        for (var axis = 0; axis < type.Rank; axis++)
        {
            var (dim, size) = (type[axis], shape[axis]);
            if (dim.IsFixed ? dim == size.At(1) && !size.Grows : dim == Dim.Named(dim.Symbol ?? symbols[0]) * size.At(1) && size.Grows) continue;
            for (var batch = 1; batch <= maxBatch; batch += 1 + batch / MostBatches)
                if (dim.Bind(symbol => symbols.Contains(symbol) ? batch : null) is { IsFixed: true } bound && bound != size.At(batch)) return false;
        }
        return true;
    }

    private static BatchShape? Between(Shape one, Shape many, int batch)
    {
        if (one.Rank != many.Rank) return null;
        var axes = new BatchSize[one.Rank];
        for (var axis = 0; axis < axes.Length; axis++)
        {
            if (one[axis] == many[axis]) axes[axis] = one[axis];
            else if ((long)one[axis] * batch == many[axis]) axes[axis] = BatchSize.PerImage(one[axis]);
            else return null;
        }
        return new BatchShape(ValueList.Create<BatchSize>(axes));
    }

    private static Dictionary<Value, Shape>? TryAt(Graph graph, string[] symbols, int batch)
    {
        try
        {
            return At(graph, symbols, batch);
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
