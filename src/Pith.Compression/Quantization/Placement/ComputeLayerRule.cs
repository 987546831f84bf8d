using Pith.Ops;

namespace Pith.Compression;

/// <summary>Conv, ConvTranspose, Gemm and MatMul: data and weight, never the bias, never the output.</summary>
internal sealed class ComputeLayerRule : PlacementRule
{
    public override IReadOnlyList<int> OperandsToQuantize(Node node, PlacementSearch search)
    {
        if (!IsComputeLayer(node)) return [];
        return [.. Enumerable.Range(0, 2).Where(i => node.Input(i) is { Type.DataType: DataType.Float32 })];
    }

    public static bool IsComputeLayer(Node? node) => node?.Op is Conv or ConvTranspose or Gemm or MatMul;
}
