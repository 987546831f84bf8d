using Pith.Ops;

namespace Pith.Compression.Compatibility;

/// <summary>Rules about the file's opset, ops and element types.</summary>
internal static class OperatorRules
{
    // The newest opset that the parser's table of operators documents, by the first release that does.
    private static readonly (RuntimeVersion Since, int Opset)[] s_newestOpset = [(new(8, 0), 13), (new(8, 4), 17), (new(9, 0), 19), (new(10, 0), 20), (new(10, 15), 24), (new(11, 0), 25)];

    private const int OldestOpset = 9; // officially, since 10.0

    // The first release whose parser has the op; ops that all have are not listed.
    private static readonly Dictionary<string, RuntimeVersion> s_since = new(StringComparer.Ordinal)
    {
        ["GatherND"] = new(8, 2), ["Round"] = new(8, 2), ["Sign"] = new(8, 2), ["Reciprocal"] = new(8, 2), ["Xor"] = new(8, 4), ["HardSwish"] = new(8, 4), ["Trilu"] = new(8, 5), ["Mod"] = new(8, 5),
        ["LayerNormalization"] = new(8, 6), ["GroupNormalization"] = new(8, 6), ["CastLike"] = new(9, 1), ["Gelu"] = new(10, 0), ["Mish"] = new(10, 0),
    };

    private static readonly HashSet<string> s_quantizedOperators = new(StringComparer.Ordinal) { "ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul" };

    public static IEnumerable<Finding> Opset(CheckedModel model)
    {
        var opset = model.File.Opset;
        for (var i = 0; i < s_newestOpset.Length; i++)
        {
            var (since, newest) = s_newestOpset[i];
            if (opset > newest && (i + 1 == s_newestOpset.Length || opset <= s_newestOpset[i + 1].Opset))
                yield return new Finding("", "", $"The file's opset is {opset}; the ONNX parser is documented up to {newest} there.", $"Lower it: pith surgeon MODEL --opset {newest} -o OUT (where no op needs {opset}).",
                    i + 1 == s_newestOpset.Length ? TensorRtCheck.KnownVersions : TensorRtCheck.Before(s_newestOpset[i + 1].Since));
        }
        if (opset < OldestOpset)
            yield return new Finding("", "", $"The file's opset is {opset}; the ONNX parser is documented from {OldestOpset} on.", "Raise it: pith surgeon MODEL --opset 17 -o OUT.", new(new(10, 0), TensorRtCheck.KnownVersions.Last));
    }

    public static IEnumerable<Finding> Unsupported(CheckedModel model) =>
        from node in model.File.Nodes
        where node.Domain == OpSchema.OnnxDomain
        let since = s_since.TryGetValue(node.OpType, out var version) ? version : (RuntimeVersion?)null
        let never = node.OpType == "SimplifiedLayerNormalization"
        where since is not null || never
        select new Finding(node.Name, node.OpType, since is { } first ? $"{node.OpType} is supported since TensorRT {first}." : $"{node.OpType} is ONNX Runtime's own and no op of TensorRT's parser.",
            node.OpType == "Gelu" ? "Use TensorRT 10 or later, or write it with older ops: pith surgeon MODEL --opset 17 -o OUT."
                : since is { } newer ? $"Use TensorRT {newer} or later, or export the model at an older opset, with ops that make it up." : "Export the model before ONNX Runtime's optimiser.",
            since is { } release ? TensorRtCheck.Before(release) : null);

    public static IEnumerable<Finding> QuantizedOperators(CheckedModel model) =>
        from node in model.File.Nodes
        where s_quantizedOperators.Contains(node.OpType) || node.Domain == "com.microsoft" && (node.OpType.StartsWith("QLinear", StringComparison.Ordinal) || node.OpType is "QGemm" or "MatMulIntegerToFloat" or "DynamicQuantizeMatMul")
        select new Finding(node.Name, node.OpType, $"{node.OpType} is an integer op; TensorRT takes QuantizeLinear/DequantizeLinear pairs only.",
            node.OpType is "ConvInteger" or "DynamicQuantizeLinear" or "MatMulInteger" or "DynamicQuantizeMatMul" or "MatMulIntegerToFloat"
                ? "Quantize the float model statically: pith quantize --target tensorrt." : "pith surgeon MODEL -o OUT writes it as Q/DQ pairs; or quantize the float model with pith quantize --target tensorrt.");

    public static IEnumerable<Finding> ForeignDomains(CheckedModel model)
    {
        var quantized = QuantizedOperators(model).Select(finding => finding.Node).ToHashSet(StringComparer.Ordinal);
        return from node in model.File.Nodes
               where node.Domain != OpSchema.OnnxDomain && !quantized.Contains(node.Name)
               select node.IsFunction ? new Finding(node.Name, node.OpType, $"{node.OpType} is a function that the file defines, which the parser reads since TensorRT 9.0.", "pith surgeon MODEL -o OUT writes its nodes in place of it.", TensorRtCheck.Before(new(9, 0))) : new Finding(node.Name, node.OpType, $"{node.OpType} is of domain '{node.Domain}'; TensorRT's parser needs a plugin for it.", "pith surgeon MODEL -o OUT writes it with ONNX's own ops where Pith knows them (as it does if this model can be read at all).");
    }

    public static IEnumerable<Finding> UnsupportedForms(CheckedModel model)
    {
        foreach (var node in model.Graph.Nodes)
            if (Form(node) is { } problem) yield return Finding.At(node, problem.Text, problem.Fix, problem.Versions);
    }

    private static (string Text, string Fix, RuntimeVersions? Versions)? Form(Node node) => node.Op switch
    {
        MaxPool when node.Outputs.Count > 1 => ("The second output, the indices, is not supported.", "Remove what reads the indices.", null),
        MaxPool { Window.Dilations.Count: > 0 } or AveragePool { Window.Dilations.Count: > 0 } => ("A pool with dilations is not supported.", "Export the model without dilations in pools.", null),
        Resize { Antialias: true } => ("Antialiasing is not supported.", "Export the Resize with antialias = 0.", null),
        Resize { Coordinates: ResizeCoordinates.HalfPixelSymmetric or ResizeCoordinates.TfCropAndResize } resize => ($"coordinate_transformation_mode {resize.Coordinates} is not supported.", "Use half_pixel, pytorch_half_pixel, asymmetric or align_corners.", null),
        Resize { AspectRatio: not AspectRatioPolicy.Stretch } => ("keep_aspect_ratio_policy other than stretch is not supported.", "Give the sizes for both axes.", null),
        Resize { Mode: ResizeMode.Cubic } => ("mode cubic is supported since TensorRT 8.5.", "Use TensorRT 8.5 or later, or mode linear.", TensorRtCheck.Before(new(8, 5))),
        LayerNormalization when node.Outputs.Count > 1 => ("Only the first output of LayerNormalization is supported.", "Remove what reads mean and inverse deviation.", null),
        _ => null,
    };

    public static IEnumerable<Finding> ElementTypes(CheckedModel model)
    {
        foreach (var value in Computed(model.Graph))
        {
            var type = value.Type.DataType;
            if (type is DataType.UInt32 or DataType.UInt64 or DataType.Int16 or DataType.UInt16 && !IsOfPair(value) || type == DataType.UInt8 && !IsOfPair(value) && !IsImage(value))
                yield return Typed(value, $"; TensorRT has float32, float16, bfloat16, int32, int64 and bool{(type == DataType.UInt8 ? ", and uint8 for inputs and outputs only" : "")}.", "Cast it to a type that TensorRT has.", null);
            else if (type == DataType.BFloat16)
                yield return Typed(value, ", which TensorRT has since 9.0.", "Use TensorRT 9 or later, or export the model in float16 or float32.", TensorRtCheck.Before(new(9, 0)));
            else if (type == DataType.UInt8 && IsImage(value))
                yield return Typed(value, ", which inputs and outputs may be since TensorRT 8.5.", "Use TensorRT 8.5 or later, or feed float32.", TensorRtCheck.Before(new(8, 5)));
        }
    }

    private static Finding Typed(Value value, string problem, string fix, RuntimeVersions? versions) =>
        new(value.Producer?.Name ?? value.Name, value.Producer?.Op.Schema.Name ?? "input", $"'{value.Name}' is {value.Type.DataType.ShortName()}{problem}", fix, versions);

    public static IEnumerable<Finding> Doubles(CheckedModel model) =>
        from value in Computed(model.Graph)
        where value.Type.DataType == DataType.Float64
        select new Finding(value.Producer?.Name ?? value.Name, value.Producer?.Op.Schema.Name ?? "input", $"'{value.Name}' is float64, which TensorRT narrows to float32.", "pith surgeon MODEL --to-float32 -o OUT writes it so.");

    private static IEnumerable<Value> Computed(Graph graph) => graph.Inputs.Concat(graph.Nodes.SelectMany(node => node.Outputs));

    private static bool IsOfPair(Value value) => value.Producer?.Op is QuantizeLinear || value.Uses.Any(use => use.Node.Op is DequantizeLinear && use.Index == 0) || value.Producer is { } mover && Qdq.Moves(mover);

    // An 8-bit image that a Cast turns into floats; outputs may be 8 bits as well.
    private static bool IsImage(Value value) => value.Uses.All(use => use.Node.Op is Cast || Qdq.Moves(use.Node)) && (value.IsGraphInput || value.IsGraphOutput);
}
