namespace Pith.Compression.Compatibility;

/// <summary>
/// What TensorRT asks of an ONNX file with Q/DQ pairs, release by release. Sources: NVIDIA's documentation ("Working with Quantized Types", "ONNX Opset Guide", the migration guides to 10 and 11) and
/// the table of operators and the checks of its ONNX parser, release by release.
/// </summary>
internal static class TensorRtRules
{
    private static readonly RuntimeVersions s_all = TensorRtCheck.KnownVersions;

    /// <summary>Every rule; within a severity, reports keep this order.</summary>
    public static IReadOnlyList<CompatibilityRule> All { get; } =
    [
        // The file
        new("opset", Severity.Warning, s_all, "The opset is one that the ONNX parser of the release knows.", OperatorRules.Opset),
        new("operator", Severity.Error, s_all, "The ONNX parser of the release has every op.", OperatorRules.Unsupported),
        new("operator-form", Severity.Error, s_all, "Attributes and outputs of an op are among those that TensorRT has.", OperatorRules.UnsupportedForms),
        new("qoperator", Severity.Error, s_all, "Quantization is written as Q/DQ pairs, not as QLinear or integer ops.", OperatorRules.QuantizedOperators),
        new("foreign-domain", Severity.Error, s_all, "Ops are ONNX's own; any other needs a plugin.", OperatorRules.ForeignDomains),
        new("element-type", Severity.Error, s_all, "Tensors have an element type that TensorRT has.", OperatorRules.ElementTypes),
        new("float64", Severity.Warning, s_all, "No tensor is float64, which TensorRT narrows to float32.", OperatorRules.Doubles),
        // The form of each Q and DQ
        new("quantized-type", Severity.Error, s_all, "Q/DQ pairs are symmetric int8 (or FP8 and INT4 where the release has them).", QdqFormRules.QuantizedTypes),
        new("missing-zero-point", Severity.Error, s_all, "A zero point says that the type is int8; without one ONNX means uint8.", QdqFormRules.MissingZeroPoints),
        new("zero-point", Severity.Error, s_all, "Zero points are constants and 0.", QdqFormRules.ZeroPoints),
        new("scale-constant", Severity.Error, s_all, "Scales are constants.", QdqFormRules.ConstantScales),
        new("scale-positive", Severity.Error, s_all, "Scales are finite and above 0.", QdqFormRules.PositiveScales),
        new("scale-type", Severity.Error, new(new(10, 0), s_all.Last), "In a strongly typed network a scale has the type of the data that it quantizes.", QdqFormRules.ScaleTypes),
        new("activation-per-tensor", Severity.Error, s_all, "Activations have one scale per tensor.", QdqFormRules.PerTensorActivations),
        new("weight-axis", Severity.Error, s_all, "Scales of weights lie along the output channels.", QdqFormRules.WeightAxes),
        new("int8-blocks", Severity.Error, s_all, "Scales in blocks are for INT4 and narrower floats, not for int8.", QdqFormRules.Blocks),
        new("float-bias", Severity.Error, s_all, "Biases are floats: no DequantizeLinear of int32 (or of anything) makes them.", QdqFormRules.Biases),
        // Where pairs stand
        new("paired", Severity.Error, s_all, "Integers go from a QuantizeLinear or a constant to a DequantizeLinear; nothing else computes with them.", QdqPlacementRules.Paired),
        new("both-operands", Severity.Warning, s_all, "A layer is INT8 when data and weight both come from a DequantizeLinear.", QdqPlacementRules.BothOperands),
        new("residual-operand", Severity.Warning, s_all, "Of a residual Add after a quantized convolution the other operand is quantized.", QdqPlacementRules.ResidualOperands),
        new("pair-splits-fusion", Severity.Warning, s_all, "No pair stands between a convolution and what fuses into it.", QdqPlacementRules.SplitFusions),
        new("concat-operands", Severity.Warning, s_all, "The operands of a Concat whose result is quantized are quantized too, with one scale.", QdqPlacementRules.Concats),
        new("repeated-pair", Severity.Warning, s_all, "A DequantizeLinear is not followed by a QuantizeLinear at once.", QdqPlacementRules.RepeatedPairs),
        // Sparsity
        new("sparsity-axis", Severity.Warning, s_all, "Weights with half zeros or more hold 2:4 along the input channels, which is what sparse kernels need.", SparsityRules.Patterns),
    ];
}
