using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>Add or Mul of two dequantized tensors with what follows: Relu or Clip, and the QuantizeLinear without which it stays in float.</summary>
internal static class BinaryFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (context.Literal || node.Op is not (Add or Mul) || node.Output.Type.Rank < 2) return null;
        if (!QdqPatterns.IsDequantized(node.Input(0)!, out var left, out var leftQ) || !QdqPatterns.IsDequantized(node.Input(1)!, out var right, out var rightQ)) return null;
        if (!context.SameShape(left, node.Output)) (left, right, leftQ, rightQ) = (right, left, rightQ, leftQ);
        if (!context.SameShape(left, node.Output) || !(context.SameShape(right, left) || IsPixelOf(context.ShapeOf(right), context.ShapeOf(left)))) return null;

        List<Node> nodes = [node];
        Activation activation = default;
        if (ActivationFusion.Match(node.Output, context) is { Activation.Kind: ActivationKind.Clip } match)
        {
            activation = match.Activation;
            nodes.AddRange(match.Nodes);
        }
        if (context.Next(nodes[^1].Output) is not { } last || QdqPatterns.OfQuantize(last) is not { } to) return null;
        nodes.Add(last);
        return new FusedNode
        {
            Nodes = nodes,
            Inputs = [left, right],
            Outputs = [last.Output],
            Layouts = context.SameShape(left, right) ? LayoutRule.Stored(node.Output.Type.Rank) : LayoutRule.ChannelsLast(),
            Create = parts => new BinaryLayer
            {
                Name = parts.Name,
                Nodes = parts.Nodes,
                Inputs = parts.Inputs,
                Outputs = parts.Outputs,
                Kind = node.Op is Add ? BinaryKind.Add : BinaryKind.Mul,
                LeftQuantization = leftQ,
                RightQuantization = rightQ,
                OutputQuantization = to,
                Activation = activation,
            },
        };
    }

    // [N, C, 1, 1] beside [N, C, H, W].
    private static bool IsPixelOf(BatchShape pixel, BatchShape image) =>
        image.Rank == 4 && pixel.Rank == 4 && pixel[0] == image[0] && pixel[1] == image[1] && pixel[2].IsOne && pixel[3].IsOne;
}
