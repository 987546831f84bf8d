using Pith.Ops;

namespace Pith.Passes;

/// <summary>Makes a Gemm of a matrix product and the constant bias added to it, the form in which a fully connected layer is recognised.</summary>
public sealed class MatMulAddToGemm : Rewrite<Add>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Add op)
    {
        for (var side = 0; side < 2; side++)
        {
            if (node.Inputs[side] is not { Producer: { Op: MatMul } product } || product.Output.SingleConsumer != node) continue;
            var bias = node.Inputs[1 - side]!;
            if (bias.Constant is null || !product.Output.Type.DataType.IsFloat() || product.Inputs.Any(input => input!.Type.Rank != 2)) continue;
            if (bias.Type.Rank > 2 || node.Output.Type != product.Output.Type) continue;
            var name = product.Name;
            var gemm = graph.Substitute(node, new Gemm(), [product.Inputs[0], product.Inputs[1], bias]);
            graph.Remove(product);
            graph.Rename(gemm, name);
            return true;
        }
        return false;
    }
}
