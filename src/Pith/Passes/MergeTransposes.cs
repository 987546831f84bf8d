using Pith.Ops;

namespace Pith.Passes;

/// <summary>Makes one Transpose of two that follow each other.</summary>
public sealed class MergeTransposes : Rewrite<Transpose>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Transpose op)
    {
        if (node.Inputs[0]!.Producer is not { Op: Transpose first } before) return false;
        var rank = node.Output.Type.Rank;
        var (inner, outer) = (first.PermutationOf(rank), op.PermutationOf(rank));
        graph.Substitute(node, new Transpose(outer.Select(axis => inner[axis]).ToValueList()), [before.Inputs[0]]);
        return true;
    }
}
