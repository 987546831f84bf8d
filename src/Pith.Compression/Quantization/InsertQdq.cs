namespace Pith.Compression.Quantization;

/// <summary>
/// Inserts the QuantizeLinear/DequantizeLinear pairs of a placement. Weights stay float constants with a pair behind them: the graph simulates INT8, can be trained (QAT), and turns into the exported
/// form, int8 constants with a DequantizeLinear, by <see cref="QuantizationPasses.Finish"/>.
/// </summary>
public static class InsertQdq
{
    /// <summary>Changes <paramref name="graph"/>.</summary>
    /// <param name="graph">The graph in which the placement was found.</param>
    /// <param name="placement">Where.</param>
    /// <param name="ranges">Parameters by activation name; see <see cref="ActivationRanges"/>.</param>
    /// <param name="options">Granularity of weights and precision of scales.</param>
    /// <returns>What was done to each layer, in execution order.</returns>
    /// <exception cref="PithException">A range is missing, or a weight is not float32 or not finite.</exception>
    public static IReadOnlyList<LayerQuantization> Apply(Graph graph, QdqPlacement placement, IReadOnlyDictionary<string, QuantizationParameters> ranges, QuantizationSettings options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(placement);
        ArgumentNullException.ThrowIfNull(ranges);
        ArgumentNullException.ThrowIfNull(options);
        var operands = placement.Layers.ToDictionary(decision => decision.Layer, _ => new List<QuantizedOperand>());
        var inputs = new Dictionary<Node, QuantizationParameters>();
        foreach (var activation in placement.Activations)
        {
            var name = activation.Value.Name;
            var parameters = ranges.TryGetValue(name, out var range) ? range : throw new PithException($"No range is given for the activation '{name}', which is to be quantized.");
            foreach (var use in activation.Uses)
                if (use.Index == 0) inputs[use.Node] = parameters;
            var dequantized = Insert(activation.Value, activation.Uses, parameters);
            if (activation.IsReturned) graph.ReplaceAllUses(activation.Value, dequantized, except: dequantized.Producer!.Inputs[0]!.Producer);
        }
        foreach (var weight in placement.Weights)
        {
            QuantizationParameters[] data = weight.Uses.All(use => inputs.ContainsKey(use.Node)) ? [.. weight.Uses.Select(use => inputs[use.Node])] : [];
            Insert(weight.Weight.Constant, weight.Uses, WeightScales.Choose(weight.Weight, data, options));
        }
        return [.. placement.Layers.Select(decision => new LayerQuantization(decision.Layer.Name, decision.Layer.Op.Schema.Name, decision.SkipReason, operands[decision.Layer].ToValueList()))];

        // One pair behind the value; the uses then read its result.
        Value Insert(Value value, IEnumerable<Use> uses, QuantizationParameters parameters)
        {
            var dequantized = QdqPair.Insert(graph, value, parameters);
            foreach (var use in uses)
            {
                graph.ReplaceInput(use.Node, use.Index, dequantized);
                if (operands.TryGetValue(use.Node, out var list)) list.Add(new QuantizedOperand(value.Name, parameters));
            }
            return dequantized;
        }
    }
}
