using Pith.Ops;

namespace Pith.Compression.Weights;

/// <summary>
/// The parameters of a network by name, as PyTorch's state dicts have them: the built-in networks are called as torchvision calls them. Parameters are the float constants of one axis or more, and in a quantized network what
/// QuantizeLinear and DequantizeLinear read; single numbers (bounds, factors) and integers (shapes, axes) belong to the graph.
/// </summary>
public static class StateDict
{
    /// <summary>The parameters of a network, in the order of its nodes.</summary>
    /// <param name="graph">Any network. Constants without a reader are left out.</param>
    /// <returns>Names and tensors: those of the graph itself, not copies, but for the weights of linear layers on tokens, see <see cref="Load"/>.</returns>
    public static IReadOnlyList<KeyValuePair<string, Tensor>> Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return [.. Parameters(graph).Select(value => KeyValuePair.Create(value.Name, IsTurned(value) ? Turned(value.Constant!) : value.Constant!))];
    }

    /// <summary>
    /// Gives a network the parameters of a file, by name. Batch normalizations must still be nodes of their own, as in the built-in networks: files have their parameters one by one. Floats of another width are converted;
    /// <c>num_batches_tracked</c> is passed over; a prefix that all names of the file share (<c>module.</c>, <c>model.</c>) is taken off when the rest fits. The weight of a linear layer that is a MatMul, which multiplies
    /// [in, out], is turned: state dicts have [out, in].
    /// </summary>
    /// <param name="graph">Changed only when everything fits.</param>
    /// <param name="file">The file.</param>
    /// <returns>For the user: what was passed over, and values that are not finite.</returns>
    /// <exception cref="PithException">Names are missing or left over, or a shape or type differs; the message lists them.</exception>
    public static IReadOnlyList<string> Load(Graph graph, WeightFile file)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(file);
        var wanted = Parameters(graph).ToArray();
        var (stored, notes) = StoredParameters.Of(file, wanted);
        StateDictMismatch.Require(graph, file, wanted.Select(value => (value.Name, value.Type.DataType, FileShape(value))), stored);
        var read = wanted.Select(value => (Value: value, Tensor: Converted(file.Read(stored[value.Name]), value))).ToArray();
        foreach (var (value, tensor) in read) graph.SetConstant(value, tensor);
        string[] wild = [.. read.Where(parameter => !IsFinite(parameter.Tensor)).Select(parameter => parameter.Value.Name)];
        return wild.Length == 0 ? [.. file.Notes, .. notes] : [.. file.Notes, .. notes, $"'{file.Path}': {wild.Length} tensors hold values that are not finite, the first is '{wild[0]}'. The network's results will not be finite either."];
    }

    private static IEnumerable<Value> Parameters(Graph graph) =>
        graph.Nodes.SelectMany(node => node.Inputs).OfType<Value>().Distinct().Where(value => value.Constant is { } constant && (IsFloat(constant.DataType) && constant.Shape.Rank > 0 || value.Uses.Any(use => use.Node.Op is QuantizeLinear or DequantizeLinear)));

    private static bool IsFloat(DataType type) => type.IsFloat() || type == DataType.BFloat16;

    /// <summary>Whether a weight is that of a linear layer spelled as MatMul, which PyTorch keeps the other way round: node <c>X</c> multiplies by <c>X.weight</c>.</summary>
    private static bool IsTurned(Value value) =>
        value.Constant!.Shape.Rank == 2 && value.Uses is [{ Index: 1, Node: { Op: MatMul } node }] && value.Name == node.Name + ".weight";

    private static Shape FileShape(Value value) => value.Constant!.Shape is var shape && IsTurned(value) ? new Shape(shape[1], shape[0]) : shape;

    private static Tensor Converted(Tensor tensor, Value value)
    {
        var converted = tensor.ConvertTo(value.Type.DataType);
        return IsTurned(value) ? Turned(converted) : converted;
    }

    private static Tensor Turned(Tensor matrix)
    {
        var (rows, columns, size) = (matrix.Shape[0], matrix.Shape[1], matrix.DataType.SizeInBytes());
        var turned = Tensor.Zeros(matrix.DataType, new Shape(columns, rows));
        for (var row = 0; row < rows; row++)
            for (var column = 0; column < columns; column++)
                matrix.Bytes.Slice((row * columns + column) * size, size).CopyTo(turned.Bytes[((column * rows + row) * size)..]);
        return turned;
    }

    private static bool IsFinite(Tensor tensor)
    {
        if (!IsFloat(tensor.DataType)) return true;
        foreach (var number in tensor.ConvertTo(DataType.Float32).As<float>().Span)
            if (!float.IsFinite(number)) return false;
        return true;
    }
}
