using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>Conv, ConvTranspose, Gemm and MatMul: data and weight, never the bias, never the output.</summary>
internal sealed class ComputeLayerRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search) =>
        IsComputeLayer(node) ? Operands(node) : [];

    /// <summary>Data and weight.</summary>
    public static IReadOnlyList<int> Operands(Node node) => [.. Enumerable.Range(0, 2).Where(i => node.Input(i) is { Type.DataType: DataType.Float32 })];

    public static bool IsComputeLayer(Node? node) => node?.Op is Conv or ConvTranspose or Gemm or MatMul;
}
