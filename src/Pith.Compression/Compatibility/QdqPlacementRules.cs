using System.Globalization;
using Pith.Ops;

namespace Pith.Compression.Compatibility;

/// <summary>Rules about where pairs stand: what becomes INT8, and what fuses.</summary>
internal static class QdqPlacementRules
{
    public static IEnumerable<Finding> Paired(CheckedModel model)
    {
        foreach (var node in model.Graph.Nodes)
        {
            if (node.Op is QuantizeLinear && Qdq.TypeOf(node).IsQuantized() && ReaderOfIntegers(node.Output) is { } reader)
                yield return Finding.At(node, $"Its integers are read by {reader.Op.Schema.Name} '{reader.Name}' instead of a DequantizeLinear.", "Put a DequantizeLinear with the same scale before that node.");
            if (node.Op is DequantizeLinear && Qdq.TypeOf(node).IsQuantized() && !IsQuantized(node.Inputs[0]!))
                yield return Finding.At(node, $"Its operand '{node.Inputs[0]!.Name}' comes from {node.Inputs[0]!.Producer!.Op.Schema.Name}, not from a QuantizeLinear or a constant.", "Quantize with QuantizeLinear; TensorRT has no Cast, Clip or Round to int8.");
        }
    }

    public static IEnumerable<Finding> BothOperands(CheckedModel model)
    {
        foreach (var node in model.Graph.Nodes.Where(Qdq.IsLayer))
        {
            var (first, second) = (Qdq.Dequantize(node.Inputs[0]) is not null, Qdq.Dequantize(node.Inputs[1]) is not null);
            if (first == second) continue;
            var missing = node.Inputs[first ? 1 : 0]!;
            yield return Qdq.IsConstant(missing)
                ? Finding.At(node, $"The data is quantized, the weight '{missing.Name}' is not: the layer runs in float.", "Quantize the weight too, or leave the data in float (pith quantize --keep-float LAYER).")
                : Finding.At(node, $"{(WeightOperand.Of(node) is null ? "One operand" : "The weight")} is quantized, the data '{missing.Name}' is not: the layer runs in float with dequantized numbers.", "Put a Q/DQ pair on the data: pith quantize FLOAT_MODEL --target tensorrt.");
        }
    }

    public static IEnumerable<Finding> ResidualOperands(CheckedModel model)
    {
        foreach (var node in model.Graph.Nodes.Where(IsResidual))
            for (var i = 0; i < 2; i++)
                if (Fusing(node.Inputs[i]!) is { } layer && Qdq.IsInt8Layer(layer) && Qdq.Dequantize(node.Inputs[1 - i]) is null && (i == 0 || Fusing(node.Inputs[0]!) is null || !Qdq.IsInt8Layer(Fusing(node.Inputs[0]!))))
                {
                    yield return Finding.At(node, $"It adds '{node.Inputs[1 - i]!.Name}', which is in float, to the result of the INT8 {layer.Op.Schema.Name} '{layer.Name}': the sum does not fuse into an INT8 kernel.", "Put a Q/DQ pair on that operand of the Add: pith quantize FLOAT_MODEL --target tensorrt.");
                    break;
                }
    }

    public static IEnumerable<Finding> SplitFusions(CheckedModel model)
    {
        foreach (var node in model.Graph.Nodes.Where(IsResidual))
            if (node.Inputs.All(input => input!.Producer is { Op: DequantizeLinear }) && node.Inputs.Select(input => Fusing(Before(input!))).FirstOrDefault(layer => layer is not null) is { } layer)
                yield return Finding.At(node, $"Both operands are quantized, the result of {layer.Op.Schema.Name} '{layer.Name}' as well, so that the Add cannot fuse into it.", $"Remove the pair after '{layer.Name}'; the Add then rounds once.");
        foreach (var node in model.Graph.Nodes.Where(node => node.Op is Relu or Clip or LeakyRelu or PRelu or BatchNormalization))
            if (node.Inputs[0]!.Producer is { Op: DequantizeLinear } && Before(node.Inputs[0]!) is { SingleConsumer: not null, Producer: { } layer } && Qdq.IsLayer(layer))
                yield return Finding.At(node, $"A pair stands between it and {layer.Op.Schema.Name} '{layer.Name}', which it would fuse into.", $"Move the pair after {node.Op.Schema.Name}.");
    }

    public static IEnumerable<Finding> Concats(CheckedModel model)
    {
        foreach (var node in model.Graph.Nodes.Where(node => node.Op is Concat && IsQuantizedLater(node.Output)))
        {
            var pairs = node.Inputs.Select(Qdq.Dequantize).ToArray();
            var open = Enumerable.Range(0, pairs.Length).Where(i => pairs[i] is null && !Qdq.IsConstant(node.Inputs[i]!)).ToArray();
            var scales = pairs.OfType<Node>().Select(pair => Qdq.Elements(pair.Inputs[1]) is [var scale] ? scale : double.NaN).Distinct().ToArray();
            if (open.Length > 0) yield return Finding.At(node, $"Its result is quantized, its operand '{node.Inputs[open[0]]!.Name}' is not: the Concat copies floats.", "Put a pair before each operand, with the scale of the pair after the Concat.");
            else if (scales.Length > 1) yield return Finding.At(node, string.Create(CultureInfo.InvariantCulture, $"Its operands have the scales {string.Join(", ", scales.Select(scale => scale.ToString("G4", CultureInfo.InvariantCulture)))}: joining them needs a requantization of each."), "Give all operands one scale, as pith quantize --target tensorrt does.");
        }
    }

    public static IEnumerable<Finding> RepeatedPairs(CheckedModel model) =>
        from node in model.Graph.Nodes
        where node.Op is QuantizeLinear && node.Inputs[0]!.Producer is { Op: DequantizeLinear } && !Qdq.IsConstant(node.Inputs[0]!)
        select Finding.At(node, $"It quantizes what '{node.Inputs[0]!.Producer!.Name}' dequantized: the tensor is rounded twice.", "Keep one of the two pairs.");

    /// <summary>The node that computes with integers instead of dequantizing them; null when there is none.</summary>
    private static Node? ReaderOfIntegers(Value integers)
    {
        foreach (var use in integers.Uses)
        {
            if (use.Node.Op is DequantizeLinear) continue;
            if (!Qdq.Moves(use.Node)) return use.Node;
            if (use.Node.Outputs.Select(ReaderOfIntegers).FirstOrDefault(found => found is not null) is { } reader) return reader;
        }
        return null;
    }

    private static bool IsQuantized(Value integers) => integers.Producer is not { } producer || producer.Op is QuantizeLinear || Qdq.Moves(producer) && producer.Inputs.Where((_, i) => i == 0 || producer.Op is Concat).All(input => IsQuantized(input!));

    /// <summary>A sum of two images; in transformers the residual stream stays in float.</summary>
    private static bool IsResidual(Node node) => node.Op is Add && node.Output.Type.Rank >= 4 && node.Inputs.All(input => input!.Constant is null) && node.Inputs[0]!.Type == node.Inputs[1]!.Type;

    /// <summary>The layer whose result, read by nobody else, <paramref name="value"/> is; batch norm and activation may lie between.</summary>
    private static Node? Fusing(Value? value)
    {
        while (value is { Producer: { } producer } && value.Uses.Count == 1 && !value.IsGraphOutput)
        {
            if (Qdq.IsLayer(producer)) return producer;
            if (producer.Op is not (BatchNormalization or Relu or Clip or LeakyRelu)) return null;
            value = producer.Inputs[0]!;
        }
        return null;
    }

    /// <summary>The float tensor that a pair rounds; null when <paramref name="value"/> is not the result of one.</summary>
    private static Value? Before(Value value) => value.Producer is { Op: DequantizeLinear } dequantize && dequantize.Inputs[0]!.Producer is { Op: QuantizeLinear } quantize ? quantize.Inputs[0] : null;

    private static bool IsQuantizedLater(Value value) => value.Uses.Any(use => use.Index == 0 && (use.Node.Op is QuantizeLinear || Qdq.Moves(use.Node) && use.Node.Op is not Concat && use.Node.Outputs.Any(IsQuantizedLater)));
}
