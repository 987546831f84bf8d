using System.Globalization;

namespace Pith.Compression.Sparsity;

/// <summary>A layer that is about to be pruned.</summary>
/// <param name="Weight">Its weight.</param>
/// <param name="Pattern">Its pattern.</param>
internal readonly record struct LayerToPrune(WeightOperand Weight, SparsityPattern Pattern);

/// <summary>
/// Puts channels in an order in which masks keep more magnitude: output channels with alike patterns meet in a group that shares one, and quads of input channels have two to keep. Every layer that makes the channels and every layer that
/// reads them move together (<see cref="ChannelClass"/>), so the network computes what it did; it is run before and after, and changed back when its outputs differ by more than rounding.
/// </summary>
internal static class ChannelReordering
{
    /// <summary>The name of the task in progress reports.</summary>
    public const string Task = "order channels";

    // Numbers read by all searches together: 10 to 20 seconds of one thread.
    private const long Work = 40_000_000_000;

    // The order of one class changes what another one should look like.
    private const int Rounds = 2;

    /// <summary>Reorders channels of <paramref name="graph"/>, in place.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="layers">The layers to prune; their masks are what the order is for.</param>
    /// <param name="seed">Random seed of the search.</param>
    /// <param name="options">Progress, a <see cref="Warning"/> when the order was changed back, cancellation.</param>
    /// <returns>For each layer whose outputs keep their order, why; the others are not in it.</returns>
    public static IReadOnlyDictionary<Node, string> Apply(Graph graph, IReadOnlyList<LayerToPrune> layers, int seed, PruningOptions options)
    {
        var reasons = new Dictionary<Node, string>(ReferenceEqualityComparer.Instance);
        var classes = Classes(graph, layers, reasons);
        if (classes.Count == 0) return reasons;
        var check = OutputProbe.Of(graph);
        var applied = new List<(ChannelClass Class, int[] Order)>();
        var random = new SeededRandom(seed);
        for (var round = 0; round < Rounds; round++)
            for (var i = 0; i < classes.Count; i++)
            {
                options.Events?.Report(new ProgressMade(Task, round * classes.Count + i, Rounds * classes.Count, string.Create(CultureInfo.InvariantCulture, $"{classes[i].Size} channels")));
                var terms = Terms(classes[i], layers);
                var order = ExchangeSearch.Run(terms, classes[i].Size, ref random, Work / (Rounds * classes.Count), options.Cancellation);
                if (order.SequenceEqual(Enumerable.Range(0, order.Length))) continue;
                classes[i].Reorder(graph, order);
                applied.Add((classes[i], order));
            }
        options.Events?.Report(new ProgressMade(Task, Rounds * classes.Count, Rounds * classes.Count));
        if (applied.Count == 0 || check.WhyNotEqual(graph) is not { } difference) return reasons;
        foreach (var (changed, order) in Enumerable.Reverse(applied)) changed.Reorder(graph, Inverse(order));
        options.Events?.Report(new Warning($"The channels of '{graph.Name}' keep their order: {difference}. Its masks are those of the order in the file."));
        foreach (var layer in layers) reasons[layer.Weight.Node] = difference;
        return reasons;
    }

    /// <summary>Each class that may be reordered and that some mask depends on, in the order of the layers that make its channels.</summary>
    private static List<ChannelClass> Classes(Graph graph, IReadOnlyList<LayerToPrune> layers, Dictionary<Node, string> reasons)
    {
        var all = graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().ToArray();
        var sparse = all.Where(weight => layers.All(layer => layer.Weight.Node != weight.Node) && IsSparse(weight)).ToArray();
        var (found, free) = (new List<ChannelClass>(), new List<ChannelClass>());
        foreach (var weight in all)
        {
            if (OutputAxis(weight) is not { } axis || !weight.Node.Output.Type[axis].IsFixed || weight.Node.Output.Type[axis].Size < 2) continue;
            var channels = found.FirstOrDefault(known => known.Contains(weight.Node.Output, axis));
            if (channels is null)
            {
                found.Add(channels = ChannelClass.Of(weight.Node.Output, axis, ChannelChange.Order));
                var kept = channels.Fixed is not null ? null : sparse.FirstOrDefault(other => channels.SegmentsOf(other.Node, other.Index).Count > 0);
                if (kept is not null) channels.Keep($"'{kept.Node.Name}' is sparse already and is not pruned again");
                if (channels.Fixed is null && Concerned(channels, layers).Any()) free.Add(channels);
            }
            if (channels.Fixed is { } reason) reasons[weight.Node] = reason;
        }
        return free;
    }

    /// <summary>The axis of a layer's result that has its output channels; null for a vector as the weight.</summary>
    private static int? OutputAxis(WeightOperand weight)
    {
        if (weight.OutputAxis is null) return null;
        var rank = weight.Node.Output.Type.Rank;
        // A matrix on the left makes rows, one on the right columns.
        return weight.Node.Op is Ops.Conv or Ops.ConvTranspose ? 1 : weight.Index == 0 ? rank - 2 : rank - 1;
    }

    private static bool IsSparse(WeightOperand weight) =>
        weight.Reduction % 4 == 0 && Weights(weight) is { } tensor && SparsityPattern.Of<float>(tensor.Span, weight.OperandLayout) is not null;

    private static Tensor<float>? Weights(WeightOperand weight) => weight.Effective()?.ConvertTo(DataType.Float32).As<float>();

    private static KeptMagnitudeTerm[] Terms(ChannelClass channels, IReadOnlyList<LayerToPrune> layers) =>
        [.. Concerned(channels, layers).Select(found => found.Segment.Axis == found.Layer.Weight.OutputAxis
            ? (KeptMagnitudeTerm)ProducerTerm.Of(Weights(found.Layer.Weight)!.Span, found.Layer.Weight.OperandLayout, found.Layer.Pattern, found.Segment.Start)
            : ConsumerTerm.Of(Weights(found.Layer.Weight)!.Span, found.Layer.Weight.OperandLayout, found.Layer.Pattern, found.Segment.Start))];

    /// <summary>The weights whose masks depend on the order of the channels, each with the place of the channels in it; a weight that several layers share counts once, and one that is computed at the run not at all.</summary>
    private static IEnumerable<(LayerToPrune Layer, ChannelSegment Segment)> Concerned(ChannelClass channels, IReadOnlyList<LayerToPrune> layers)
    {
        var seen = new HashSet<(Value, ChannelSegment)>();
        foreach (var layer in layers)
            foreach (var segment in channels.SegmentsOf(layer.Weight.Node, layer.Weight.Index))
            {
                var isOutput = segment.Axis == layer.Weight.OutputAxis;
                // One output channel alone has its masks in any order. Channels of several indices each hold whole quads, or are cut by them in a way that no order improves much.
                if (segment.Inner == 1 && (isOutput ? layer.Pattern.IsShared : segment.Axis == layer.Weight.ReductionAxis) && layer.Weight.Effective() is not null && seen.Add((layer.Weight.Constant, segment))) yield return (layer, segment);
            }
    }

    private static int[] Inverse(int[] order)
    {
        var inverse = new int[order.Length];
        for (var i = 0; i < order.Length; i++) inverse[order[i]] = i;
        return inverse;
    }
}
