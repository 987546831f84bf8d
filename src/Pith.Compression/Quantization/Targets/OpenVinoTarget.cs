using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// As NNCF, OpenVINO's own tool, quantizes for CPUs with its preset "performance": symmetric per-tensor activations, uint8 where no value is negative and int8 elsewhere; symmetric int8
/// weights per output channel in the narrow range [-127, 127]; float biases. Operands of convolutions, matrix products, Add, Mul and Sub, average pools, resizing and BatchNormalization that is not folded are
/// quantized; what NNCF takes as fused is not: a convolution with the arithmetic or activation right after it, x * sigmoid(x). Ops that only move elements take the scale of what they read, and the operands
/// of a Concat share one. Its preset "mixed" is <c>activations: uint8</c>, its overflow fix for CPUs without VNNI <c>reduce_range</c> (NNCF applies that to the first layer by default; here it is off).
/// Sources: NNCF's <c>hardware/configs/cpu.json</c>, <c>onnx/hardware/fused_patterns.py</c>, <c>onnx/quantization/default_quantization.py</c>.
/// </summary>
internal static class OpenVinoTarget
{
    /// <summary>The entry of the catalog.</summary>
    public static QuantizationTarget Target { get; } = new()
    {
        Name = "openvino",
        Help = "as NNCF quantizes for CPUs: symmetric, uint8 where no value is negative, float biases, operands of Add and Mul",
        Activations = ActivationForm.Symmetric,
        TakesZeroPoints = true,
        Rules =
        [
            new ComputeLayerRule(),
            new ArithmeticRule(),
            new PreActivationRule(),
            new AveragingRule(),
            new ConcatRule(), // asks what the others have decided for its readers
        ],
    };

    /// <summary>Add, Mul and Sub of two computed tensors: both operands, except one that is the unshared result of a convolution or matrix product.</summary>
    private sealed class ArithmeticRule : PlacementRule
    {
        public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search)
        {
            if (node.Op is not (Add or Mul or Sub) || FloatOperands(node) is not { Count: 2 } operands || IsGating(node)) return [];
            return ExceptFused(node, operands, FusingLayer, search);
        }

        private static bool IsGating(Node node) =>
            node.Op is Mul && node.Inputs.Any(input => input!.Producer is { Op: Sigmoid or HardSigmoid } gate && node.Inputs.Contains(gate.Inputs[0]));

        private static Node? FusingLayer(Value value)
        {
            if (value is { SingleConsumer: not null, Producer: { Op: BatchNormalization } norm }) value = norm.Inputs[0]!;
            return value.SingleConsumer is not null && ComputeLayerRule.IsComputeLayer(value.Producer) ? value.Producer : null;
        }
    }

    /// <summary>The input of average pools and of resizing.</summary>
    private sealed class AveragingRule : PlacementRule
    {
        public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) => node.Op is AveragePool or GlobalAveragePool or ReduceMean or Resize ? [.. FloatOperands(node).Take(1)] : [];
    }
}
