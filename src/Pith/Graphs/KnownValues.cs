namespace Pith;

/// <summary>
/// The tensors that are known before anything runs: constants, shapes whose sizes are all fixed, and small results that follow from these alone.
/// Exporters compute axes, sizes and pads with chains of nodes; this is how such an operand becomes a constant.
/// </summary>
internal sealed class KnownValues
{
    // Shapes, axes, pads and scales are small and flat (pads pass through a matrix on the way). Larger results are weights, and those are for ConstantFolding.
    private const int MaxElements = 1024;
    private const int MaxRank = 2;

    private readonly Dictionary<Value, Tensor> _computed = new(ReferenceEqualityComparer.Instance);

    /// <summary>The tensor of <paramref name="value"/>, or null when it is not known.</summary>
    public Tensor? Find(Value value) => value.Constant ?? FromContent(value) ?? _computed.GetValueOrDefault(value);

    /// <summary>Computes the results of a node that was just added when all its operands are known and small.</summary>
    public void Learn(Node node)
    {
        if (!node.Outputs.All(output => IsSmall(output.Type))) return;
        var operands = new Tensor?[node.Inputs.Count];
        for (var i = 0; i < operands.Length; i++)
        {
            if (node.Inputs[i] is not { } input) continue;
            operands[i] = Find(input);
            if (operands[i] is null || !IsSmall(input.Type)) return;
        }
        Tensor[] results;
        try
        {
            results = node.Evaluate(operands);
        }
        catch (PithException)
        {
            // Not known, then: whoever needs the operand says so with the node's name.
            return;
        }
        for (var i = 0; i < results.Length; i++) _computed[node.Outputs[i]] = results[i];
    }

    private static bool IsSmall(TensorType type) => type.IsStatic && type.Rank <= MaxRank && type.Dims.Aggregate(1L, (length, dim) => length * dim.Size) <= MaxElements;

    /// <summary>The tensor that the known elements of a shape spell, or null when one is symbolic.</summary>
    public static Tensor? FromContent(Value value)
    {
        if (value.ShapeValue is not { } content || !value.Type.IsStatic || !content.All(dim => dim.IsFixed)) return null;
        var shape = value.Type.ToShape();
        if (shape.Length != content.Count) return null;
        var elements = Tensor.Create(shape, content.Select(dim => dim.Value).ToArray());
        return value.Type.DataType is DataType.Int64 or DataType.Int32 ? elements.ConvertTo(value.Type.DataType) : null;
    }
}
