namespace Pith;

/// <summary>
/// A graph with one tensor for each of its inputs. Pith infers every shape at import; where an input decides a shape (the target of a Reshape, the sizes of a
/// Resize), its tensor becomes a constant of the graph, and symbolic sizes other than the batch get those of the data when the graph is not valid without.
/// </summary>
/// <param name="Graph">The graph.</param>
/// <param name="Inputs">One tensor per input of <paramref name="Graph"/>, in order.</param>
/// <param name="Bound">Names of the file's inputs that became constants.</param>
public sealed record FedGraph(Graph Graph, IReadOnlyList<Tensor> Inputs, IReadOnlyList<string> Bound)
{
    // Axes, shapes and the like are vectors or scalars.
    private const int LargestRankOfSizes = 1;

    /// <summary>Imports a model for the tensors that it will be run with, with as few inputs and sizes bound as will do.</summary>
    /// <param name="path">The model file.</param>
    /// <param name="inputs">One tensor per input of the file that is not an initializer, in order (<see cref="OnnxModel.ReadInputs"/>).</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="PithException">A tensor does not fit its input, or the model cannot be imported; the message is that of the import without anything bound.</exception>
    public static FedGraph Load(string path, IReadOnlyList<Tensor> inputs, OnnxImportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        options ??= new OnnxImportOptions();
        var declared = OnnxModel.ReadInputs(path, options);
        var sizes = SymbolSizes.Of(declared, inputs);
        var batch = SymbolSizes.Batch(declared);
        var others = sizes.Where(size => size.Key != batch).Concat(options.Sizes).ToDictionary();
        PithException? first = null;
        foreach (var (bound, symbols) in Attempts(inputs, options.Sizes, others))
        {
            try
            {
                var constants = Enumerable.Range(0, inputs.Count).Where(i => bound(inputs[i])).ToDictionary(i => declared[i].Name, i => inputs[i]);
                var graph = OnnxModel.Load(path, options with { BoundInputs = constants, Sizes = symbols });
                return new FedGraph(graph, [.. inputs.Where(tensor => !bound(tensor))], [.. constants.Keys]);
            }
            catch (PithException failure)
            {
                first ??= failure;
            }
        }
        throw first!;
    }

    private static IEnumerable<(Func<Tensor, bool> Bound, IReadOnlyDictionary<string, int> Sizes)> Attempts(IReadOnlyList<Tensor> inputs, IReadOnlyDictionary<string, int> given, Dictionary<string, int> others)
    {
        yield return (_ => false, given);
        if (others.Count > given.Count) yield return (_ => false, others);
        if (inputs.Any(AreIntegers)) yield return (AreIntegers, others);
        if (inputs.Any(IsSmall)) yield return (IsSmall, others);
    }

    private static bool AreIntegers(Tensor tensor) => IsSmall(tensor) && tensor.DataType is DataType.Int64 or DataType.Int32;

    private static bool IsSmall(Tensor tensor) => tensor.Shape.Rank <= LargestRankOfSizes;
}
