using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Gives a Reshape whose target is computed (<c>Shape → Gather → Concat</c>) a constant one where the result's dimensions are known, a symbolic batch included; what computed it is then dead.
/// </summary>
public sealed class ResolveReshapeTargets : Rewrite<Reshape>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Reshape op)
    {
        if (node.Inputs[1]!.Constant is not null || ReshapeTarget.Of(node.Inputs[0]!.Type, node.Output.Type) is not { } target) return false;
        graph.Substitute(node, new Reshape(), [node.Inputs[0], graph.AddConstant($"{node.Name}:shape", target)]);
        return true;
    }
}
