using Pith.Ops;

namespace Pith.Building;

/// <summary>Reshape of [N, C, spatial...] to [N, g, C / g, spatial...], Transpose of the two axes and Reshape back are one <see cref="ChannelShuffle"/>, which moves each element once and in any layout.</summary>
internal sealed class FindChannelShuffle : LoweringRewrite
{
    protected override Replacement? Rewrite(Graph graph, Node node)
    {
        if (node.Op is not Reshape || node.Input(0)!.Producer is not { Op: Transpose transpose } turn || turn.Input(0)!.Producer is not { Op: Reshape } split) return null;
        var (x, groups) = (split.Input(0)!, split.Output.Type);
        if (x.Type.Rank < 3 || x.Type != node.Output.Type || !x.Type[1].IsFixed || groups.Rank != x.Type.Rank + 1 || !groups[1].IsFixed || !groups[2].IsFixed) return null;
        if (!groups.Dims.Where((_, axis) => axis is not (1 or 2)).SequenceEqual(x.Type.Dims.Where((_, axis) => axis != 1))) return null;
        var permutation = transpose.PermutationOf(groups.Rank);
        if (permutation[1] != 2 || permutation[2] != 1 || permutation.Where((from, axis) => from != axis).Count() != 2) return null;
        var shuffle = graph.AddNode(new ChannelShuffle(groups[1].Size), [x], turn.Name);
        return new(shuffle.Output, shuffle);
    }
}
