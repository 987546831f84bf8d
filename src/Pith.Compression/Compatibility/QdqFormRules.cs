using System.Globalization;
using Pith.Ops;

namespace Pith.Compression.Compatibility;

/// <summary>Rules about each QuantizeLinear and DequantizeLinear by itself: type, zero point, scale, axis.</summary>
internal static class QdqFormRules
{
    private const string Requantize = "Quantize for this runtime: pith quantize FLOAT_MODEL --target tensorrt (symmetric int8, float biases).";

    private static readonly RuntimeVersions s_before9 = TensorRtCheck.Before(new(9, 0)), s_before10 = TensorRtCheck.Before(new(10, 0));

    public static IEnumerable<Finding> QuantizedTypes(CheckedModel model)
    {
        foreach (var node in Pairs(model))
        {
            var type = Qdq.TypeOf(node);
            if (type is DataType.Int8 or DataType.Int32 || IsImplicit(node)) continue;
            var problem = $"The integers are {type.ShortName()}; TensorRT quantizes to int8 with zero point 0.";
            if (type is DataType.Float8E4M3) yield return Finding.At(node, "FP8 in ONNX's own Q/DQ is supported since TensorRT 10.0.", "Use TensorRT 10 or later, or int8.", s_before10);
            else if (type is DataType.Int4 && Qdq.IsConstant(node.Inputs[0]!))
            {
                yield return Finding.At(node, "INT4 weights are supported since TensorRT 10.0.", "Use TensorRT 10 or later, or int8.", s_before10);
                if (node.Inputs[0]!.Type is { Rank: > 0 } weight && weight[-1] is { IsFixed: true, Size: var last } && last % 2 != 0) yield return Finding.At(node, $"The last axis of the INT4 weight has {last} elements; TensorRT packs two in a byte and takes an even number.", "Keep this layer in int8 or float.");
            }
            else yield return Finding.At(node, problem, Requantize);
        }
    }

    public static IEnumerable<Finding> MissingZeroPoints(CheckedModel model)
    {
        foreach (var node in Pairs(model).Where(node => node.Input(2) is null))
        {
            if (IsImplicit(node)) yield return Finding.At(node, "There is no zero point: ONNX means uint8, TensorRT takes int8 (releases before 9.0 refuse the node).", "Give it an int8 zero point of 0, or " + char.ToLowerInvariant(Requantize[0]) + Requantize[1..]);
            else yield return Finding.At(node, "There is no zero point, which releases before 9.0 require.", "Give it an int8 zero point of 0 (pith quantize writes one).", s_before9);
        }
    }

    public static IEnumerable<Finding> ZeroPoints(CheckedModel model)
    {
        foreach (var node in Pairs(model))
        {
            if (node.Input(2) is not { } zeroPoint) continue;
            if (Qdq.Elements(zeroPoint) is not { } zeros) yield return Finding.At(node, $"The zero point '{zeroPoint.Name}' is computed; it must be constant.", "Fold constants (pith surgeon MODEL --fold-constants -o OUT), or " + char.ToLowerInvariant(Requantize[0]) + Requantize[1..]);
            else if (zeros.Any(zero => zero != 0)) yield return Finding.At(node, string.Create(CultureInfo.InvariantCulture, $"The zero point is {zeros.First(zero => zero != 0):G}; TensorRT's quantization is symmetric, so it must be 0."), Requantize);
        }
    }

    public static IEnumerable<Finding> ConstantScales(CheckedModel model) =>
        from node in Pairs(model)
        where Qdq.Elements(node.Inputs[1]) is null
        select Finding.At(node, $"The scale '{node.Inputs[1]!.Name}' is computed; it must be known when the engine is built.", "Fold constants (pith surgeon MODEL --fold-constants -o OUT), or quantize statically: pith quantize --target tensorrt.");

    public static IEnumerable<Finding> PositiveScales(CheckedModel model)
    {
        foreach (var node in Pairs(model))
            if (Qdq.Elements(node.Inputs[1]) is { } scales && Array.FindIndex(scales, scale => !(scale > 0) || !double.IsFinite(scale)) is >= 0 and var at)
                yield return Finding.At(node, string.Create(CultureInfo.InvariantCulture, $"Scale {at} of {scales.Length} is {scales[at]:G4}; all must be finite and above 0."), "Calibrate again with images for which the tensor is not constant 0, or use any positive scale for a channel that is 0.");
    }

    public static IEnumerable<Finding> ScaleTypes(CheckedModel model) =>
        from node in Pairs(model)
        where node.Op is QuantizeLinear && model.File.Opset >= 19 && node.Inputs[0]!.Type.DataType != node.Inputs[1]!.Type.DataType // before 19 the parser casts the scale
        select Finding.At(node, $"The data is {node.Inputs[0]!.Type.DataType.ShortName()}, the scale {node.Inputs[1]!.Type.DataType.ShortName()}.", "Store the scale in the type of the data.");

    public static IEnumerable<Finding> PerTensorActivations(CheckedModel model) =>
        from node in Pairs(model)
        where !Qdq.IsConstant(node.Inputs[0]!) && node.Inputs[1]!.Type is { Rank: > 0 } scale && scale.Dims.Any(dim => dim != 1)
        select Finding.At(node, $"An activation has scales of shape {node.Inputs[1]!.Type.Dims}; TensorRT takes one per tensor.", "Quantize activations per tensor (only weights per channel): pith quantize --target tensorrt.");

    public static IEnumerable<Finding> WeightAxes(CheckedModel model)
    {
        foreach (var weight in model.Weights)
        {
            if (weight.OutputAxis is not { } expected || Nearest(weight) is not { } found) continue;
            var (dequantize, permutation) = found;
            if (dequantize.Inputs[1]!.Type is not { Rank: 1 } scale || scale[0] == 1) continue;
            var rank = dequantize.Output.Type.Rank;
            var axis = ((DequantizeLinear)dequantize.Op).Axis is var given && given < 0 ? given + rank : given;
            var wanted = permutation is null ? expected : permutation[expected];
            if (axis != wanted) yield return Finding.At(dequantize, $"The scales of the weight of {weight.Node.Op.Schema.Name} '{weight.Node.Name}' lie along axis {axis}; its output channels are axis {wanted}.", $"Quantize the weight along axis {wanted}, as pith quantize does.");
        }
    }

    public static IEnumerable<Finding> Blocks(CheckedModel model) =>
        from node in Pairs(model)
        let size = node.Op is QuantizeLinear quantize ? quantize.BlockSize : ((DequantizeLinear)node.Op).BlockSize
        where size > 0 && Qdq.TypeOf(node) is not (DataType.Int4 or DataType.Float8E4M3)
        select Finding.At(node, $"Each {size} elements have a scale of their own; for {Qdq.TypeOf(node).ShortName()} there is one per tensor, or per output channel of a weight.", "Quantize per channel: pith quantize --target tensorrt.");

    public static IEnumerable<Finding> Biases(CheckedModel model)
    {
        var reported = new HashSet<Node>(ReferenceEqualityComparer.Instance);
        foreach (var layer in model.Graph.Nodes.Where(node => node.Op is Conv or ConvTranspose or Gemm))
            if (layer.Input(2)?.Producer is { Op: DequantizeLinear } dequantize && reported.Add(dequantize))
                yield return Finding.At(dequantize, $"The bias of {layer.Op.Schema.Name} '{layer.Name}' is {Qdq.TypeOf(dequantize).ShortName()} and dequantized; TensorRT wants a float constant.", "Store the bias as float: pith quantize --target tensorrt (in ONNX Runtime's quantizer: QuantizeBias=False).");
        foreach (var node in Pairs(model))
            if (node.Op is DequantizeLinear && Qdq.TypeOf(node) == DataType.Int32 && reported.Add(node))
                yield return Finding.At(node, "DequantizeLinear of int32 is not supported.", "Store the constant as float.");
    }

    private static IEnumerable<Node> Pairs(CheckedModel model) => model.Graph.Nodes.Where(Qdq.IsPairPart);

    private static bool IsImplicit(Node node) => node.Input(2) is null && node.Op is QuantizeLinear { OutputType: null };

    /// <summary>The DequantizeLinear nearest to the layer, and the Transpose between (null for none); null when something else lies between.</summary>
    private static (Node Dequantize, int[]? Permutation)? Nearest(WeightOperand weight)
    {
        var producer = weight.Node.Inputs[weight.Index]!.Producer;
        if (producer?.Op is Transpose transpose && producer.Inputs[0]!.Producer is { Op: DequantizeLinear } turned) return (turned, [.. transpose.PermutationOf(producer.Output.Type.Rank)]);
        return producer?.Op is DequantizeLinear ? (producer, null) : null;
    }
}
