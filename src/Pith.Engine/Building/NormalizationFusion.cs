using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>InstanceNormalization or <see cref="GroupNormalization"/> of floats with the activation after it, in the layout that its operand has.</summary>
internal static class NormalizationFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (node.Op is not (InstanceNormalization or GroupNormalization) || node.Input(0) is not { Type.DataType: DataType.Float32 } x || x.Type.Rank < 3) return null;
        var shape = context.ShapeOf(x);
        if (!shape.IsFixedPerImage || shape.IsEmpty) return null;
        var (groups, epsilon) = node.Op is GroupNormalization group ? (group.Groups, group.Epsilon) : (shape[1].Fixed, ((InstanceNormalization)node.Op).Epsilon);
        List<Node> nodes = [node];
        Activation activation = default;
        if (ActivationFusion.Match(node.Output, context) is { } match)
        {
            activation = match.Activation;
            nodes.AddRange(match.Nodes);
        }
        return new FusedNode
        {
            Nodes = nodes,
            Inputs = [x, node.Input(1), node.Input(2)],
            Outputs = [nodes[^1].Output],
            Layouts = LayoutRule.Agnostic,
            Create = parts => new NormalizationLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs, Groups = groups, Epsilon = epsilon, Activation = activation },
        };
    }
}
