namespace Pith.Compression.Sparsity;

/// <summary>
/// What a graph says of its own sparsity: its metadata lists the layers that were pruned, and the pattern of those that are stricter than 2:4. The masks themselves need no record, since the zeros
/// of a pruned weight give its mask back (<see cref="Mask24.FromZeros(ReadOnlySpan{float}, WeightAxes, SparsityPattern)"/>).
/// </summary>
public static class SparsityRecord
{
    /// <summary>The metadata key of the names of the pruned layers, one per line.</summary>
    public const string MetadataKey = "pith.sparsity24";

    /// <summary>The metadata key of patterns other than 2:4: one line for each such layer, the pattern, a space, the name. Files without it are 2:4 throughout.</summary>
    public const string PatternsKey = "pith.sparsity24.patterns";

    /// <summary>The names of the layers that were pruned; empty for a dense graph.</summary>
    public static IReadOnlyList<string> PrunedLayers(Graph graph) => [.. Patterns(graph).Select(layer => layer.Name)];

    /// <summary>The layers that were pruned, each with its pattern; empty for a dense graph.</summary>
    /// <exception cref="PithException">The metadata name a pattern that does not exist.</exception>
    public static IReadOnlyList<(string Name, SparsityPattern Pattern)> Patterns(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var stricter = new Dictionary<string, SparsityPattern>(StringComparer.Ordinal);
        foreach (var line in Lines(graph, PatternsKey))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space < 0) throw new PithException($"The metadata '{PatternsKey}' of '{graph.Name}' has the line '{line}'; expected a pattern, a space and the name of a layer.");
            stricter[line[(space + 1)..]] = SparsityPattern.Parse(line[..space]);
        }
        return [.. Lines(graph, MetadataKey).Union(stricter.Keys, StringComparer.Ordinal).Select(name => (name, stricter.GetValueOrDefault(name, SparsityPattern.TwoOfFour)))];
    }

    /// <summary>
    /// Checks that each layer recorded as pruned has its pattern still. To be called after every step of the chain: folding, quantization, training, export.
    /// </summary>
    /// <param name="graph">A float graph, or one with quantized weights.</param>
    /// <param name="step">The step that was just done, for the message.</param>
    /// <returns>The number of layers checked.</returns>
    /// <exception cref="PithException">A recorded layer is gone or breaks its pattern; the message names the first place.</exception>
    public static int Verify(Graph graph, string step)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var layers = Patterns(graph);
        if (layers.Count == 0) return 0;
        var weights = WeightsByLayer(graph);
        foreach (var (name, pattern) in layers)
        {
            if (!weights.TryGetValue(name, out var weight)) throw new PithException($"After {step}: the layer '{name}' was pruned to {pattern}, but the graph has no layer with weights of that name any more.");
            if (FirstViolation(weight, pattern) is { } violation) throw new PithException($"After {step}: {weight.Node.Op.Schema.Name} '{name}' was pruned to {pattern}, but its weight '{weight.Constant.Name}' {weight.Shape} has {violation}.");
        }
        return layers.Count;
    }

    /// <summary>The masks of the layers recorded as pruned, read from the zeros of their float weights.</summary>
    /// <returns>Masks by the name of the weight constant.</returns>
    /// <exception cref="PithException">A recorded layer is gone, is quantized, or breaks its pattern.</exception>
    public static IReadOnlyDictionary<string, Mask24> RecoverMasks(Graph graph)
    {
        Verify(graph, "loading");
        var weights = WeightsByLayer(graph);
        var masks = new Dictionary<string, Mask24>(StringComparer.Ordinal);
        foreach (var (name, pattern) in Patterns(graph))
        {
            var weight = weights[name];
            if (weight.Constant.Constant is not Tensor<float> tensor) throw new PithException($"The weight '{weight.Constant.Name}' of '{name}' is {weight.Constant.Type}; masks for training are read from float32 weights. Start from the model before quantization.");
            var layout = LayoutFor(weight, pattern) ?? throw new PithException($"A Transpose between the weight '{weight.Constant.Name}' and '{name}' takes the channels apart; it has no {pattern} mask.");
            masks[weight.Constant.Name] = Mask24.FromZeros(tensor.Span, layout, pattern) ?? throw new PithException($"The stored weight '{weight.Constant.Name}' of '{name}' is not {pattern}, although its rounded values are. Prune it again.");
        }
        return masks;
    }

    /// <summary>Where the stored weight has the quads that <paramref name="pattern"/> is about; null when ops between it and the layer take them apart.</summary>
    internal static WeightAxes? LayoutFor(WeightOperand weight, SparsityPattern pattern) =>
        pattern.IsShared ? weight.StoredLayout : weight.Layout is { } reduction ? new WeightAxes(reduction) : null;

    /// <summary>Adds layers to the record; a layer that is pruned again gets the new pattern.</summary>
    internal static void Add(Graph graph, IEnumerable<(string Name, SparsityPattern Pattern)> prunedLayers)
    {
        var layers = Patterns(graph).ToDictionary(layer => layer.Name, layer => layer.Pattern, StringComparer.Ordinal);
        foreach (var (name, pattern) in prunedLayers) layers[name] = pattern;
        Write(graph, layers);
    }

    /// <summary>Gives each recorded layer the name that <paramref name="nameOf"/> returns for it; null takes it out of the record.</summary>
    internal static void Rename(Graph graph, Func<string, string?> nameOf) =>
        Write(graph, [.. from layer in Patterns(graph) let name = nameOf(layer.Name) where name is not null select KeyValuePair.Create(name, layer.Pattern)]);

    private static string[] Lines(Graph graph, string key) => graph.Metadata.TryGetValue(key, out var text) ? text.Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];

    private static void Write(Graph graph, IReadOnlyCollection<KeyValuePair<string, SparsityPattern>> layers)
    {
        Write(graph, MetadataKey, layers.Select(layer => layer.Key));
        Write(graph, PatternsKey, layers.Where(layer => layer.Value.IsShared).Select(layer => $"{layer.Value} {layer.Key}"));
    }

    private static void Write(Graph graph, string key, IEnumerable<string> lines)
    {
        if (lines.Any()) graph.Metadata[key] = string.Join('\n', lines);
        else graph.Metadata.Remove(key);
    }

    private static Dictionary<string, WeightOperand> WeightsByLayer(Graph graph) =>
        graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().ToDictionary(weight => weight.Node.Name, StringComparer.Ordinal);

    // Of the weight that the layer computes with: quantized weights count as zero where they stand for zero.
    private static string? FirstViolation(WeightOperand weight, SparsityPattern pattern)
    {
        var tensor = weight.Effective() ?? throw new PithException($"The weight '{weight.Constant.Name}' of '{weight.Node.Name}' is computed with operands that are not constant; 2:4 sparsity is checked on constant weights.");
        return pattern.FirstViolation<double>(tensor.ConvertTo(DataType.Float64).As<double>().Span, weight.OperandLayout);
    }
}
