namespace Pith;

/// <summary>The sizes that tensors give to the symbolic dimensions of a network's inputs.</summary>
public static class SymbolSizes
{
    /// <summary>Checks that each tensor fits its input, and reads the sizes of the symbols.</summary>
    /// <param name="inputs">The inputs as they are declared.</param>
    /// <param name="tensors">One tensor per input.</param>
    /// <returns>The size of each symbol.</returns>
    /// <exception cref="PithException">A tensor is of another type, rank or size, or gives a symbol another size than the tensors before it.</exception>
    public static IReadOnlyDictionary<string, int> Of(IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<Tensor> tensors)
    {
        if (inputs.Count != tensors.Count) throw new PithException($"The network has {Count(inputs.Count)}, got {tensors.Count}. It takes: {Text(inputs)}.");
        var sizes = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var givenBy = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < inputs.Count; i++)
        {
            var ((name, type), tensor) = (inputs[i], tensors[i]);
            if (tensor.DataType != type.DataType) throw new PithException($"Input '{name}': expected {type}, got {tensor}. The elements must be {type.DataType.ShortName()}.");
            if (tensor.Shape.Rank != type.Rank) throw new PithException($"Input '{name}': expected {type}, got {tensor}. It must have {type.Rank} dimensions.");
            for (var axis = 0; axis < type.Rank; axis++)
            {
                var (dim, size) = (type[axis], tensor.Shape[axis]);
                if (dim.IsFixed)
                {
                    if (dim.Size != size) throw new PithException($"Input '{name}': expected {type}, got {tensor}. Dimension {axis} must be {dim.Size}.");
                }
                else if (dim.Symbol is { } symbol && !sizes.TryAdd(symbol, size))
                {
                    if (sizes[symbol] != size) throw new PithException($"Input '{name}': expected {type}, got {tensor}. '{symbol}' is {sizes[symbol]} in input '{givenBy[symbol]}', so dimension {axis} must be that.");
                }
                else if (dim.Symbol is { } first)
                {
                    givenBy[first] = name;
                }
            }
        }
        RequireExpressions(inputs, tensors, sizes);
        return sizes;
    }

    /// <summary>The symbol that stands for the batch: the leading dimension of the first input that has a symbolic one; null for a network of fixed batch.</summary>
    public static string? Batch(IReadOnlyList<(string Name, TensorType Type)> inputs) =>
        inputs.Where(input => input.Type.Rank > 0).SelectMany(input => input.Type[0].Symbols).FirstOrDefault();

    /// <summary>The inputs in one line: <c>x f32[N,3,224,224], mask s64[N]</c>.</summary>
    public static string Text(IReadOnlyList<(string Name, TensorType Type)> inputs) => string.Join(", ", inputs.Select(input => $"{input.Name} {input.Type}"));

    // Sizes such as 2*N+1, whose symbols other dimensions have given by now.
    private static void RequireExpressions(IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<Tensor> tensors, SortedDictionary<string, int> sizes)
    {
        for (var i = 0; i < inputs.Count; i++)
            for (var axis = 0; axis < inputs[i].Type.Rank; axis++)
            {
                var (dim, size) = (inputs[i].Type[axis], tensors[i].Shape[axis]);
                if (dim.Bind(symbol => sizes.TryGetValue(symbol, out var given) ? given : null) is var bound && bound != size)
                    throw new PithException($"Input '{inputs[i].Name}': expected {inputs[i].Type}, got {tensors[i]}. Dimension {axis} must be {(bound.IsFixed ? bound : $"{bound}, which no input gives a size")}.");
            }
    }

    private static string Count(int inputs) => inputs == 1 ? "1 input" : $"{inputs} inputs";
}
