using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// What ONNX Runtime's CPU build turns into integer operators (QLinearConv, QGemm, QLinearAdd …) from end to end. It needs a pair on every side of an operator, between a convolution and the
/// residual Add as well; uint8 activations, which its x86 kernels are written for; int32 biases; and ranges that make the Relu or Clip before a pair superfluous (zero point 0; 6/255 as
/// the largest scale after Clip to [0, 6]).
/// </summary>
internal static class OnnxRuntimeTarget
{
    /// <summary>The entry of the catalog.</summary>
    public static QuantizationTarget Target { get; } = new()
    {
        Name = "onnxruntime",
        Help = "uint8 with zero points, a pair after every operator, int32 biases: all that ONNX Runtime needs to compute in integers from end to end",
        Activations = ActivationForm.UInt8,
        TakesZeroPoints = true,
        Rules = [new OperatorRule()],
        IntegerBiases = true,
        RangesImplyClips = true,
    };

    /// <summary>Operands and results of every operator that ONNX Runtime has an integer kernel for.</summary>
    private sealed class OperatorRule : PlacementRule
    {
        public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) => node.Op switch
        {
            Conv or ConvTranspose or Gemm or MatMul => ComputeLayerRule.Operands(node),
            // Of images only: the residual stream of a transformer (rank 3) ends in layer normalization, which is computed in float.
            Add or Mul => node.Output.Type.Rank == 4 && FloatOperands(node) is { Count: 2 } both ? both : [],
            Sigmoid or LeakyRelu => node.Output.Type.Rank == 4 ? FloatOperands(node) : [],
            AveragePool or GlobalAveragePool or ReduceMean => node.Output.Type.Rank == 4 || node.Inputs[0]!.Type.Rank == 4 ? FloatOperands(node) : [],
            Concat => search.QuantizedReadings(node.Output).Any() ? FloatOperands(node) : [],
            _ when ConcatRule.KeepsValues(node) => node.Outputs.SelectMany(search.QuantizedReadings).Any() ? [.. FloatOperands(node).Take(1)] : [],
            _ => [],
        };

        // A convolution without a pair after it is computed in float, a matrix product is not.
        public override bool QuantizesResult(Node node, PlacementSearch search) => node.Op is Conv || node.Outputs.Count == 1 && search.Uses.ContainsKey(PlacementSearch.ResultOf(node));
    }
}
