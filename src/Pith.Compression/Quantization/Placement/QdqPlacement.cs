using System.Globalization;
using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// Where a graph needs QuantizeLinear/DequantizeLinear pairs, found from the graph alone by the rules of a <see cref="QuantizationTarget"/>. Nothing is changed yet: the activations listed
/// here are what calibration observes.
/// </summary>
public sealed class QdqPlacement
{
    private QdqPlacement(IReadOnlyList<QuantizedTensor> activations, IReadOnlyList<QuantizedWeight> weights, IReadOnlyList<PrecisionDecision> layers) =>
        (Activations, Weights, Layers) = (activations, weights, layers);

    /// <summary>The activations to quantize, in the order in which they are computed.</summary>
    public IReadOnlyList<QuantizedTensor> Activations { get; }

    /// <summary>The weights to quantize, in the order of their layers.</summary>
    public IReadOnlyList<QuantizedWeight> Weights { get; }

    /// <summary>Every layer that could be quantized, in execution order, with the decision.</summary>
    public IReadOnlyList<PrecisionDecision> Layers { get; }

    /// <summary>Finds the places in <paramref name="graph"/>, which is not changed.</summary>
    /// <param name="graph">A simplified float graph: BatchNormalization that follows a convolution is folded, or kept for QAT.</param>
    /// <param name="options">Which layers to quantize.</param>
    /// <exception cref="PithException">The graph is quantized already, has nothing to quantize, or a rule of the options matches no layer.</exception>
    public static QdqPlacement Find(Graph graph, QuantizationSettings options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        if (graph.Nodes.FirstOrDefault(node => node.Op is QuantizeLinear or DequantizeLinear) is { } quantized)
            throw new PithException($"Graph '{graph.Name}' is quantized already ({quantized.Op.Schema.Name} '{quantized.Name}'). Start from the float model.");
        var search = new PlacementSearch(graph, options.Target.Rules);
        if (search.Layers.Count == 0) throw new PithException($"Graph '{graph.Name}' has no layer that can be quantized (Conv, ConvTranspose, Gemm or MatMul on float32).");
        options.Layers.RequireAllUsed([.. search.Layers.Select(LayerName.Of)]);

        var decisions = search.Layers.Select(layer => new PrecisionDecision(layer, SkipReason(layer, search.Layers, options))).ToArray();
        var float32 = decisions.Where(decision => decision.SkipReason is not null).Select(decision => decision.Layer).ToHashSet<Node>(ReferenceEqualityComparer.Instance);
        search.Run(node => !float32.Contains(node));
        return new QdqPlacement(ActivationsOf(graph, search), WeightsOf(graph, search), decisions);
    }

    private static string? SkipReason(Node layer, IReadOnlyList<Node> layers, QuantizationSettings options)
    {
        var name = LayerName.Of(layer);
        var isNamed = options.Layers.ByName.Any(rule => rule.Pattern.Matches(name.Name));
        if (!isNamed && options.FirstLayerInFloat && ReferenceEquals(layer, layers.FirstOrDefault(HasWeight))) return "the first layer";
        if (!isNamed && options.LastLayerInFloat && ReferenceEquals(layer, layers.LastOrDefault(HasWeight))) return "the last layer";
        if (options.Layers.Resolve(name) == Precision.Int8) return LongSum(layer, options);
        return isNamed ? "float by name" : options.Layers.ByOpType.Any(rule => rule.OpType == name.OpType) ? $"float by op type {name.OpType}" : "not chosen";
    }

    // Integer products are summed in 32 bits, so the largest possible sum must fit.
    private static string? LongSum(Node layer, QuantizationSettings options)
    {
        if (WeightOperand.Of(layer) is not { } weight) return null;
        var kernel = layer.Op is Conv or ConvTranspose ? weight.Shape.LengthOf(2, weight.Shape.Rank) : 1;
        var (products, largest) = ((long)weight.Reduction * kernel, options.ActivationForm == ActivationForm.Int8 ? 128 : 255);
        return products * largest * 128 < 1L << 31 ? null : string.Create(CultureInfo.InvariantCulture, $"sums {products} products of 8-bit numbers, more than fit a 32-bit accumulator");
    }

    private static bool HasWeight(Node node) => WeightOperand.Of(node) is not null;

    private static QuantizedTensor[] ActivationsOf(Graph graph, PlacementSearch search)
    {
        var groups = GroupsOf(graph, search);
        var numbers = new Dictionary<Value, int>(ReferenceEqualityComparer.Instance);
        var inOrder = graph.Inputs.Concat(graph.Nodes.SelectMany(node => node.Outputs)).Where(search.Uses.ContainsKey);
        return [.. inOrder.Select(value => new QuantizedTensor(value, search.Uses[value], NumberOf(groups.Representative(value)), value.IsGraphOutput && search.IsQuantizedForAll(value)))];

        int NumberOf(Value representative)
        {
            if (!numbers.TryGetValue(representative, out var number)) numbers[representative] = number = numbers.Count;
            return number;
        }
    }

    /// <summary>Joins the operands and the result of each concat, and what ops that keep values lie between, unless that would join two concats with different scales.</summary>
    private static ScaleGroups GroupsOf(Graph graph, PlacementSearch search)
    {
        var groups = new ScaleGroups();
        var concatenated = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        foreach (var concat in graph.Nodes.Where(node => node.Op is Concat && search.Uses.TryGetValue(node.Inputs[0]!, out var uses) && uses.Contains(new Use(node, 0))))
            foreach (var value in concat.Inputs.Where(input => search.Uses.ContainsKey(input!)).Concat(search.QuantizedReadings(concat.Output)))
            {
                groups.Join(concat.Inputs[0]!, value!);
                concatenated.Add(value!);
            }
        foreach (var node in graph.Nodes.Where(ConcatRule.KeepsValues))
        {
            if (!search.Uses.TryGetValue(node.Inputs[0]!, out var uses) || !uses.Contains(new Use(node, 0))) continue;
            foreach (var reading in node.Outputs.SelectMany(search.QuantizedReadings))
                if (!concatenated.Contains(reading) && !concatenated.Contains(node.Inputs[0]!)) groups.Join(node.Inputs[0]!, reading);
        }
        return groups;
    }

    private static QuantizedWeight[] WeightsOf(Graph graph, PlacementSearch search)
    {
        var weights = new List<QuantizedWeight>();
        foreach (var sameWeight in graph.Nodes
            .Select(WeightOperand.Of)
            .Where(weight => weight is not null && search.Uses.TryGetValue(weight.Constant, out var uses) && uses.Contains(new Use(weight.Node, weight.Index)))
            .GroupBy(weight => (weight!.Constant, weight.OutputAxis)))
            weights.Add(new QuantizedWeight(sameWeight.First()!, [.. sameWeight.Select(weight => new Use(weight!.Node, weight.Index))]));
        return [.. weights];
    }
}
