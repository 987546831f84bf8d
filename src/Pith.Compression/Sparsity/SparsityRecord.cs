namespace Pith.Compression.Sparsity;

/// <summary>
/// What a graph says of its own sparsity: its metadata lists the layers that were pruned to 2:4. The masks themselves need no record, since the zeros
/// of a pruned weight give its mask back (<see cref="Mask24.FromZeros"/>).
/// </summary>
public static class SparsityRecord
{
    /// <summary>The metadata key; the value is the names of the pruned layers, one per line.</summary>
    public const string MetadataKey = "pith.sparsity24";

    /// <summary>The names of the layers that were pruned; empty for a dense graph.</summary>
    public static IReadOnlyList<string> PrunedLayers(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.Metadata.TryGetValue(MetadataKey, out var text) ? text.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
    }

    /// <summary>
    /// Checks that each layer recorded as pruned is 2:4 sparse still. To be called after every step of the chain: folding, quantization, training, export.
    /// </summary>
    /// <param name="graph">A float graph, or one with quantized weights.</param>
    /// <param name="step">The step that was just done, for the message.</param>
    /// <returns>The number of layers checked.</returns>
    /// <exception cref="PithException">A recorded layer is gone or has more than two non-zeros in some quad; the message names the first place.</exception>
    public static int Verify(Graph graph, string step)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var names = PrunedLayers(graph);
        if (names.Count == 0) return 0;
        var weights = WeightsByLayer(graph);
        foreach (var name in names)
        {
            if (!weights.TryGetValue(name, out var weight)) throw new PithException($"After {step}: the layer '{name}' was pruned to 2:4, but the graph has no layer with weights of that name any more.");
            if (FirstViolation(weight) is { } violation) throw new PithException($"After {step}: {weight.Node.Op.Schema.Name} '{name}' was pruned to 2:4, but its weight '{weight.Constant.Name}' {weight.Shape} has {violation}.");
        }
        return names.Count;
    }

    /// <summary>The masks of the layers recorded as pruned, read from the zeros of their float weights.</summary>
    /// <returns>Masks by the name of the weight constant.</returns>
    /// <exception cref="PithException">A recorded layer is gone, is quantized, or is not 2:4 sparse.</exception>
    public static IReadOnlyDictionary<string, Mask24> RecoverMasks(Graph graph)
    {
        Verify(graph, "loading");
        var weights = WeightsByLayer(graph);
        var masks = new Dictionary<string, Mask24>(StringComparer.Ordinal);
        foreach (var name in PrunedLayers(graph))
        {
            var weight = weights[name];
            if (weight.Constant.Constant is not Tensor<float> tensor) throw new PithException($"The weight '{weight.Constant.Name}' of '{name}' is {weight.Constant.Type}; masks for training are read from float32 weights. Start from the model before quantization.");
            masks[weight.Constant.Name] = Mask24.FromZeros(tensor.Span, weight.Layout ?? throw new PithException($"A Transpose between the weight '{weight.Constant.Name}' and '{name}' takes the input channels apart; it has no 2:4 mask."))!;
        }
        return masks;
    }

    /// <summary>Adds layers to the record.</summary>
    internal static void Add(Graph graph, IEnumerable<string> prunedLayers)
    {
        var names = PrunedLayers(graph).Union(prunedLayers).ToArray();
        if (names.Length > 0) graph.Metadata[MetadataKey] = string.Join('\n', names);
    }

    private static Dictionary<string, WeightOperand> WeightsByLayer(Graph graph) =>
        graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().ToDictionary(weight => weight.Node.Name, StringComparer.Ordinal);

    // Of the weight that the layer computes with: quantized weights count as zero where they stand for zero.
    private static Violation24? FirstViolation(WeightOperand weight)
    {
        var tensor = weight.Effective() ?? throw new PithException($"The weight '{weight.Constant.Name}' of '{weight.Node.Name}' is computed with operands that are not constant; 2:4 sparsity is checked on constant weights.");
        return weight.OperandLayout.FirstViolation<double>(tensor.ConvertTo(DataType.Float64).As<double>().Span);
    }
}
