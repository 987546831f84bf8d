namespace Pith.Compression.Sparsity;

/// <summary>One-shot magnitude pruning to 2:4 or V:2:4: finds the eligible layers, orders channels where that keeps more, makes a mask for each weight and sets what it drops to zero.</summary>
public static class Prune24
{
    /// <summary>Prunes weights of <paramref name="graph"/> in place: the constants get new tensors, which tensors shared with other graphs survive.</summary>
    /// <param name="graph">The graph to change; the pruned layers are noted in its metadata, see <see cref="SparsityRecord"/>.</param>
    /// <param name="settings">Which layers and pattern, and whether channels change places.</param>
    /// <param name="options">Null: nobody watches.</param>
    /// <exception cref="PithException">A pattern matches no layer with weights, or a weight to prune is not float or not finite.</exception>
    public static PruneResult Apply(Graph graph, PruningSettings settings, PruningOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(settings);
        return KeepingDense(graph, settings, options, out _);
    }

    /// <summary>The same; <paramref name="dense"/> receives the graph as it was before weights became zero, with its channels in their new order.</summary>
    internal static PruneResult KeepingDense(Graph graph, PruningSettings settings, PruningOptions? options, out Graph dense)
    {
        var weights = graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().ToArray();
        settings.Layers.RequireAllUsed([.. weights.Select(weight => LayerName.Of(weight.Node))]);
        options ??= new PruningOptions();
        var used = Used(graph);
        string? WhyNot(WeightOperand weight, SparsityPattern pattern) => !used.Contains(weight.Node) ? "the network does not use its result" : SkipReason(weight, weights, settings, pattern);
        var byLayer = options.ByLayer;
        SparsityPattern PatternOf(WeightOperand weight) => byLayer?.GetValueOrDefault(weight.Node.Name) ?? settings.Pattern.Pattern ?? SparsityPattern.TwoOfFour;
        var reasons = weights.ToDictionary(weight => weight, weight => byLayer is not null && !byLayer.ContainsKey(weight.Node.Name) ? "dense: chosen" : WhyNot(weight, PatternOf(weight)));
        foreach (var weight in weights.Where(weight => reasons[weight] is null)) _ = FloatTensor(weight);
        var selection = byLayer is null && settings.Pattern.Pattern is null ? PatternSelector.Run(graph, Prunable(weights, WhyNot), settings, options) : null;
        if (selection is not null)
            foreach (var weight in weights) reasons[weight] ??= WhyDense(selection.Find(weight.Node.Name)!);
        LayerToPrune[] layers = [.. weights.Where(weight => reasons[weight] is null).Select(weight => new LayerToPrune(weight, selection is null ? PatternOf(weight) : SparsityPattern.Parse(selection.Find(weight.Node.Name)!.Chosen)))];
        var inOrder = settings.OrdersChannels(layers) ? ChannelReordering.Apply(graph, layers, settings.ChannelSeed, options) : null;
        dense = graph.Clone();
        // A weight that several layers share is pruned when all of them take it, and with one mask: their axes must agree.
        var masks = new Dictionary<string, Mask24>(StringComparer.Ordinal);
        var kept = new Dictionary<string, (double Share, double Before)>(StringComparer.Ordinal);
        foreach (var (weight, pattern) in layers)
        {
            var name = weight.Constant.Name;
            if (masks.ContainsKey(name)) continue;
            var magnitudes = FloatTensor(weight);
            masks[name] = Mask24.ByMagnitude(magnitudes.Span, SparsityRecord.LayoutFor(weight, pattern)!.Value, pattern);
            kept[name] = (masks[name].KeptMagnitude(magnitudes.Span), Magnitude(magnitudes.Span));
            graph.SetConstant(weight.Constant, Pruned(weight.Constant.Constant!, masks[name]));
        }
        Record(graph, selection, options);
        SparsityRecord.Add(graph, layers.Select(layer => (layer.Weight.Node.Name, layer.Pattern)));
        var patterns = layers.ToDictionary(layer => layer.Weight, layer => layer.Pattern);
        return new PruneResult(masks, [.. weights.Select(weight => Describe(weight, reasons[weight], patterns.GetValueOrDefault(weight), kept.GetValueOrDefault(weight.Constant.Name, (1, 0)), inOrder))])
        {
            Selection = selection,
            // Of all pruned weights together.
            KeptMagnitude = kept.Values.Sum(layer => layer.Before) is > 0 and var all ? kept.Values.Sum(layer => layer.Share * layer.Before) / all : 1,
        };
    }

    /// <summary>The weights that take 2:4 at least, each with what patterns keep of it in the order of channels that it has now.</summary>
    private static PrunableWeight[] Prunable(WeightOperand[] weights, Func<WeightOperand, SparsityPattern, string?> whyNot) =>
    [
        .. from weight in weights
           where whyNot(weight, SparsityPattern.TwoOfFour) is null
           group weight by weight.Constant.Name into shared
           let first = shared.First()
           let magnitudes = FloatTensor(first)
           select new PrunableWeight([.. shared.Select(weight => weight.Node.Name)], Magnitude(magnitudes.Span),
               [.. from pattern in SparsityPattern.All
                   where shared.All(weight => whyNot(weight, pattern) is null)
                   select (pattern, Mask24.ByMagnitude(magnitudes.Span, SparsityRecord.LayoutFor(first, pattern)!.Value, pattern).KeptMagnitude(magnitudes.Span))])
    ];

    private static string? WhyDense(SelectedWeight weight) => weight.Chosen != TacticVerdict.Dense ? null
        : weight.Options.Count == 1 ? "dense: no pattern makes it faster here"
        : "dense: gains too little for what it loses";

    private static void Record(Graph graph, PatternSelection? selection, PruningOptions options)
    {
        graph.Metadata.Remove(PatternSelection.MetadataKey);
        if (selection is null) return;
        graph.Metadata[PatternSelection.MetadataKey] = SettingsJson.Write(selection).ToJsonString();
        if (!selection.IsReached) options.Events?.Report(new Warning(selection.Verdict));
    }

    private static double Magnitude(ReadOnlySpan<float> weights)
    {
        double sum = 0;
        foreach (var weight in weights) sum += Math.Abs((double)weight);
        return sum;
    }

    // Nodes that an output depends on; simplifying removes the others.
    private static HashSet<Node> Used(Graph graph)
    {
        var used = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        foreach (var node in graph.Nodes.Reverse())
            if (node.Outputs.Any(output => output.IsGraphOutput || output.Uses.Any(use => used.Contains(use.Node)))) used.Add(node);
        return used;
    }

    private static string? SkipReason(WeightOperand weight, WeightOperand[] all, PruningSettings settings, SparsityPattern pattern)
    {
        if (SkipReason(weight, settings, pattern) is { } own) return own;
        foreach (var other in all)
        {
            if (!ReferenceEquals(other.Constant, weight.Constant) || ReferenceEquals(other, weight)) continue;
            if (other.Layout != weight.Layout) return $"shares its weight with '{other.Node.Name}', which sums over another axis";
            if (pattern.IsShared && other.StoredLayout != weight.StoredLayout) return $"shares its weight with '{other.Node.Name}', whose output channels lie otherwise";
            if (SkipReason(other, settings, pattern) is { } reason) return $"shares its weight with '{other.Node.Name}': {reason}";
        }
        if (weight.Constant.IsGraphOutput) return $"its weight '{weight.Constant.Name}' is an output of the network as well";
        return WeightOperand.OtherReader(weight.Constant, all) is { } reader ? $"its weight '{weight.Constant.Name}' is read by {reader.Op.Schema.Name} '{reader.Name}' as well" : null;
    }

    private static string? SkipReason(WeightOperand weight, PruningSettings settings, SparsityPattern pattern)
    {
        if (settings.Layers.WhyNot(LayerName.Of(weight.Node)) is { } unwanted) return unwanted;
        if (Eligibility(weight).WhyNot(settings.Rule) is { } unfit) return unfit;
        if (weight.Layout is null) return $"a Transpose between '{weight.Constant.Name}' and the layer takes the input channels apart";
        return SparsityRecord.LayoutFor(weight, pattern) is null ? $"a Transpose between '{weight.Constant.Name}' and the layer takes the output channels apart" : null;
    }

    private static SparsityEligibility Eligibility(WeightOperand weight) => SparsityEligibility.Of(weight.Outputs, weight.Reduction, weight.Groups);

    /// <summary>The weight in single precision, finite.</summary>
    private static Tensor<float> FloatTensor(WeightOperand weight)
    {
        var where = $"{weight.Node.Op.Schema.Name} '{weight.Node.Name}': the weight '{weight.Constant.Name}'";
        if (!weight.Constant.Type.DataType.IsFloat()) throw new PithException($"{where} is {weight.Constant.Type}; only float weights can be pruned. Prune before quantizing.");
        var tensor = weight.Constant.Constant!.ConvertTo(DataType.Float32).As<float>();
        foreach (var w in tensor.Span)
            if (!float.IsFinite(w)) throw new PithException($"{where} holds the value {w.ToString(System.Globalization.CultureInfo.InvariantCulture)}; weights to prune must be finite.");
        return tensor;
    }

    // In the type that it is stored in.
    private static Tensor Pruned(Tensor weight, Mask24 mask)
    {
        var pruned = weight.Clone();
        switch (pruned)
        {
            case Tensor<float> floats: mask.Apply(floats.Span); break;
            case Tensor<Half> halves: mask.Apply(halves.Span); break;
            case Tensor<double> doubles: mask.Apply(doubles.Span); break;
        }
        return pruned;
    }

    private static LayerSparsity Describe(WeightOperand weight, string? skipReason, SparsityPattern? pattern, (double Share, double Before) kept, IReadOnlyDictionary<Node, string>? inOrder) => new()
    {
        Name = weight.Node.Name,
        OpType = weight.Node.Op.Schema.Name,
        Weight = weight.Constant.Name,
        Shape = weight.Shape,
        Eligibility = Eligibility(weight),
        SkipReason = skipReason,
        Pattern = pattern,
        KeptMagnitude = kept.Share,
        SmallerGroup = pattern is { IsShared: true } && weight.OutputsPerGroup % pattern.Channels is > 0 and var rest ? rest : null,
        WhyInOrder = pattern is null || inOrder is null ? null : inOrder.GetValueOrDefault(weight.Node),
    };
}
