using Pith.Ops;

namespace Pith;

/// <summary>Element type and total size of a graph's constants of that type.</summary>
/// <param name="Type">The element type.</param>
/// <param name="Elements">The number of elements.</param>
/// <param name="Bytes">Their size.</param>
public sealed record ConstantSize(DataType Type, long Elements, long Bytes);

/// <summary>How often a graph uses an op.</summary>
/// <param name="OpType">The ONNX op type.</param>
/// <param name="Count">The number of nodes.</param>
public sealed record OpCount(string OpType, int Count);

/// <summary>What a network is made of: sizes, cost, sparsity and quantization. Computed once from a graph; does not follow later changes.</summary>
public sealed record GraphSummary
{
    private GraphSummary() { }

    /// <summary>The graph's name.</summary>
    public required string Name { get; init; }

    /// <summary>Names and types of the inputs, e.g. <c>input:f32[N,3,224,224]</c>.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>Names and types of the outputs.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>
    /// The number of parameters: weights, biases and factors, in floats or quantized. Scales, zero points, running statistics, shapes and other scalars do not count.
    /// </summary>
    public required long Parameters { get; init; }

    /// <summary>Every constant that a node reads, by element type, largest first.</summary>
    public required IReadOnlyList<ConstantSize> Constants { get; init; }

    /// <summary>Multiply-accumulates of one run; a symbolic batch counts as 1, so these are per image.</summary>
    public required long MultiplyAccumulates { get; init; }

    /// <summary>The ops, most frequent first, then by name.</summary>
    public required IReadOnlyList<OpCount> Ops { get; init; }

    /// <summary>Every Conv, ConvTranspose, Gemm and MatMul with a constant weight, in execution order. Ops on integers (QLinearConv and its kin) are in <see cref="Ops"/> only.</summary>
    public required IReadOnlyList<LayerSummary> Layers { get; init; }

    /// <summary>The size of all constants in bytes: nearly that of the file.</summary>
    public long ConstantBytes => Constants.Sum(constant => constant.Bytes);

    /// <summary>How many of <see cref="Layers"/> are wholly quantized.</summary>
    public int QuantizedLayers => Layers.Count(layer => layer.Precision == Precision.Int8);

    /// <summary>How many of <see cref="Layers"/> hold the 2:4 pattern.</summary>
    public int SparseLayers => Layers.Count(layer => layer.Is24Sparse == true);

    /// <summary>Summarises <paramref name="graph"/>, which is not changed. Reads every weight once.</summary>
    public static GraphSummary Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var constants = graph.Constants.Where(constant => constant.Uses.Count > 0).ToArray();
        return new GraphSummary
        {
            Name = graph.Name,
            Inputs = [.. graph.Inputs.Select(input => $"{input.Name}:{input.Type}")],
            Outputs = [.. graph.Outputs.Select(output => $"{output.Name}:{output.Type}")],
            Parameters = constants.Where(IsParameter).Sum(constant => (long)constant.Constant!.Length),
            Constants = [.. constants.GroupBy(constant => constant.Type.DataType).Select(SizeOf).OrderByDescending(size => size.Bytes)],
            MultiplyAccumulates = graph.Nodes.Sum(node => node.Op.Cost(node)),
            Ops = [.. graph.Nodes.GroupBy(node => node.Op.Schema.Name).Select(group => new OpCount(group.Key, group.Count())).OrderByDescending(op => op.Count).ThenBy(op => op.OpType, StringComparer.Ordinal)],
            Layers = [.. graph.Nodes.Select(Layer).OfType<LayerSummary>()],
        };
    }

    private static ConstantSize SizeOf(IGrouping<DataType, Value> constants)
    {
        var elements = constants.Sum(constant => (long)constant.Constant!.Length);
        return new ConstantSize(constants.Key, elements, elements * constants.Key.SizeInBytes());
    }

    private static bool IsParameter(Value constant) =>
        constant.Type.Rank > 0 && constant.Type.DataType is not (DataType.Int64 or DataType.Bool) && constant.Uses.Any(use => !IsAttribute(use));

    // Operands that say how to compute rather than take part in it.
    private static bool IsAttribute(Use use) => use.Node.Op switch
    {
        QuantizeLinear or DequantizeLinear => use.Index > 0,
        BatchNormalization => use.Index is 3 or 4,
        var op => op.Schema.ShapeOperands.Contains(use.Index),
    };

    private static LayerSummary? Layer(Node node)
    {
        if (WeightOperand.Of(node) is not { } operand) return null;
        var sparsity = WeightSparsity.Of(operand);
        var data = node.Inputs[1 - operand.Index];
        return new LayerSummary
        {
            Name = node.Name,
            OpType = node.Op.Schema.Name,
            WeightShape = operand.Shape,
            WeightType = operand.Constant.Type.DataType,
            MultiplyAccumulates = node.Op.Cost(node),
            Weights = sparsity.Weights,
            Zeros = sparsity.Zeros,
            Is24Sparse = sparsity.Applies ? sparsity.Pattern is not null : null,
            Pattern = sparsity.Pattern?.ToString(),
            Precision = !operand.IsQuantized ? Precision.Float : data?.Producer?.Op is DequantizeLinear ? Precision.Int8 : Precision.Int8Weights,
        };
    }
}
