namespace Pith.Compression.Quantization;

/// <summary>
/// Inserts the QuantizeLinear/DequantizeLinear pairs of a placement. Weights stay float constants with a pair after them: the graph simulates INT8, can be trained (QAT), and turns into the exported
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
        var inserted = new List<(Use Use, QuantizedOperand Operand)>();
        InsertActivations(graph, placement, ranges, inserted);
        var inputs = new Dictionary<Node, QuantizationParameters>();
        foreach (var (use, operand) in inserted)
            if (use.Index == 0) inputs[use.Node] = operand.Parameters;
        foreach (var weight in placement.Weights)
        {
            QuantizationParameters[] data = weight.Uses.All(use => inputs.ContainsKey(use.Node)) ? [.. weight.Uses.Select(use => inputs[use.Node])] : [];
            Insert(graph, weight.Weight.Constant, weight.Uses, WeightScales.Choose(weight.Weight, data, options), inserted);
        }
        var operands = inserted.ToLookup(entry => entry.Use.Node, entry => entry.Operand);
        return [.. placement.Layers.Select(decision => new LayerQuantization(decision.Layer.Name, decision.Layer.Op.Schema.Name, decision.SkipReason, operands[decision.Layer].ToValueList()))];
    }

    /// <summary>Inserts the pairs of activations only; weights stay float.</summary>
    internal static void ApplyToActivations(Graph graph, QdqPlacement placement, IReadOnlyDictionary<string, QuantizationParameters> ranges) => InsertActivations(graph, placement, ranges, []);

    private static void InsertActivations(Graph graph, QdqPlacement placement, IReadOnlyDictionary<string, QuantizationParameters> ranges, List<(Use Use, QuantizedOperand Operand)> inserted)
    {
        // Tensors of a group share the constant, so that they still do when training changes it.
        var scales = new Dictionary<int, Value>();
        foreach (var activation in placement.Activations)
        {
            var name = activation.Value.Name;
            var parameters = ranges.TryGetValue(name, out var range) ? range : throw new PithException($"No range is given for the activation '{name}', which is to be quantized.");
            var dequantized = Insert(graph, activation.Value, activation.Uses, parameters, inserted, scales.GetValueOrDefault(activation.Group));
            scales[activation.Group] = dequantized.Producer!.Inputs[1]!;
            if (activation.IsReturned) graph.ReplaceAllUses(activation.Value, dequantized, except: dequantized.Producer!.Inputs[0]!.Producer);
        }
    }

    /// <summary>One pair after the value; the uses then read its result.</summary>
    private static Value Insert(Graph graph, Value value, IEnumerable<Use> uses, QuantizationParameters parameters, List<(Use Use, QuantizedOperand Operand)> inserted, Value? scale = null)
    {
        var dequantized = QdqPair.Insert(graph, value, parameters, scale);
        foreach (var use in uses)
        {
            graph.ReplaceInput(use.Node, use.Index, dequantized);
            inserted.Add((use, new QuantizedOperand(value.Name, parameters)));
        }
        return dequantized;
    }
}
