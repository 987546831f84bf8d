using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>A quantized layer that could stay in float.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="OpType">The ONNX op type.</param>
/// <param name="Share">Its share of the network's multiply-accumulates, 0 to 1; 0 for layers without weights.</param>
public sealed record QuantizedLayer(string Name, string OpType, double Share);

/// <summary>
/// A network that was quantized once, with any of its layers in float: as <c>keep_float</c> would leave them, without calibrating again. Ranges, equalised channels and reconstructed weights are those of the whole. Immutable; the graphs must not change.
/// </summary>
internal sealed class LayerVariants
{
    private readonly QuantizationSource _source;
    private readonly double _allCost;

    /// <param name="quantized">The network with all layers quantized.</param>
    /// <param name="settings">Those that it was quantized with.</param>
    public LayerVariants(FakeQuantizationResult quantized, QuantizationSettings settings)
    {
        (Quantized, Settings, _source) = (quantized, settings, quantized.Source!);
        var costs = _source.Float.Nodes.ToDictionary(node => node.Name, node => (double)node.Op.Cost(node), StringComparer.Ordinal);
        _allCost = Math.Max(1, costs.Values.Sum());
        Layers = [.. quantized.Layers.Where(layer => layer.SkipReason is null && layer.Operands.Count > 0).Select(layer => new QuantizedLayer(layer.Name, layer.OpType, costs[layer.Name] / _allCost))];
    }

    /// <summary>The network with all layers quantized.</summary>
    public FakeQuantizationResult Quantized { get; }

    /// <summary>How the network was quantized.</summary>
    public QuantizationSettings Settings { get; }

    /// <summary>The layers that are quantized, in execution order.</summary>
    public IReadOnlyList<QuantizedLayer> Layers { get; }

    /// <summary>The settings that leave these layers in float.</summary>
    public QuantizationSettings SettingsWith(IEnumerable<string> floatLayers) => Settings with { KeepFloat = [.. floatLayers.Select(NamePattern.Exactly), .. Settings.KeepFloat] };

    /// <summary>The share of the multiply-accumulates that is left in INT8.</summary>
    public double Int8Share(IEnumerable<string> floatLayers)
    {
        var kept = floatLayers.ToHashSet(StringComparer.Ordinal);
        return Layers.Where(layer => !kept.Contains(layer.Name)).Sum(layer => layer.Share);
    }

    /// <summary>The network in its exported form with these layers in float, and what became of each layer.</summary>
    /// <exception cref="PithException">A name is not that of a layer.</exception>
    public FakeQuantizationResult With(IReadOnlyCollection<string> floatLayers)
    {
        var settings = SettingsWith(floatLayers);
        var variant = FakeQuantization.With(_source.Float, settings, _source.Ranges, []);
        TakeWeights(variant.Graph);
        FakeQuantization.Finish(variant.Graph, settings);
        return variant;
    }

    /// <summary>Gives the layers that are quantized in both the weights and biases that reconstruction has chosen.</summary>
    private void TakeWeights(Graph graph)
    {
        var chosen = Quantized.Graph.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        foreach (var node in graph.Nodes.ToArray())
        {
            if (PairOf(node) is not var (index, quantize, dequantize) || !chosen.TryGetValue(node.Name, out var other) || PairOf(other) is not var (_, otherQuantize, _)) continue;
            var (weight, scale) = (otherQuantize.Inputs[0]!, otherQuantize.Inputs[1]!);
            if (!AreEqual(quantize.Inputs[0]!.Constant!, weight.Constant!)) graph.ReplaceInput(quantize, 0, graph.AddConstant(weight.Name, weight.Constant!));
            if (!AreEqual(quantize.Inputs[1]!.Constant!, scale.Constant!))
            {
                var constant = graph.AddConstant(scale.Name, scale.Constant!);
                graph.ReplaceInput(quantize, 1, constant);
                graph.ReplaceInput(dequantize, 1, constant);
            }
            if (index == 1 && other.Input(2) is { Constant: { } bias } source && !(node.Input(2) is { Constant: { } own } && AreEqual(own, bias))) graph.SetConstantOperand(node, 2, bias, source.Name);
        }
    }

    private static bool AreEqual(Tensor first, Tensor second) => first.Shape == second.Shape && first.Bytes.SequenceEqual(second.Bytes);

    /// <summary>The pair around a layer's float weight, as reconstruction looks for it; null where there is none.</summary>
    private static (int Index, Node Quantize, Node Dequantize)? PairOf(Node node) =>
        WeightOperand.Of(node) is { } weight && node.Inputs[weight.Index]!.Producer is { Op: DequantizeLinear } dequantize && dequantize.Inputs[0]!.Producer is { Op: QuantizeLinear } quantize && quantize.Inputs[0]!.Constant is not null
            ? (weight.Index, quantize, dequantize) : null;
}
