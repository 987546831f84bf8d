using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>GELU written as ordinary ops, where no layer before it takes it as its activation.</summary>
internal static class GeluFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (node.Op is not (Add or Div or Mul or Pow)) return null;
        foreach (var input in node.Inputs)
        {
            if (input!.Constant is not null || GeluPattern.Match(input, context, swallows: false) is not var (activation, nodes, result)) continue;
            var op = new Gelu(activation.Kind == ActivationKind.GeluTanh);
            return new FusedNode
            {
                Nodes = nodes,
                Inputs = [input],
                Outputs = [result],
                Layouts = LayoutRule.Agnostic,
                Batch = BatchSupport.AnyAxis,
                Create = parts => new OpLayer { Op = op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs },
            };
        }
        return null;
    }
}
