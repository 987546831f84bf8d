using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>Concat whose result is quantized, directly or after ops that only move or select values: all operands. They and the result then share one scale, so that joining them costs nothing.</summary>
internal sealed class ConcatRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) =>
        node.Op is Concat && search.QuantizedReadings(node.Output).Any() ? FloatOperands(node) : [];

    /// <summary>True for ops whose results are elements of their input: quantizing before or after gives the same with the same scale.</summary>
    public static bool KeepsValues(Node node) => node is { Op: MaxPool or Flatten or Reshape or Transpose or Squeeze or Unsqueeze or Slice, Outputs.Count: 1 } || node.Op is Split;
}
