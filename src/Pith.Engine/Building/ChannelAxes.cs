using Pith.Ops;

namespace Pith.Building;

/// <summary>Recognises the Transposes between [N, C, ...] and [N, ..., C].</summary>
internal static class ChannelAxes
{
    /// <summary>Whether the result is [N, ..., C] of [N, C, ...].</summary>
    public static bool MovesToLast(Transpose transpose, Node node) => Permutes(transpose, node, (axis, rank) => axis == rank - 1 ? 1 : axis + 1);

    /// <summary>Whether the result is [N, C, ...] of [N, ..., C].</summary>
    public static bool MovesToFirst(Transpose transpose, Node node) => Permutes(transpose, node, (axis, rank) => axis == 1 ? rank - 1 : axis - 1);

    private static bool Permutes(Transpose transpose, Node node, Func<int, int, int> from)
    {
        var rank = node.Output.Type.Rank;
        return rank > 2 && transpose.PermutationOf(rank).SequenceEqual(Enumerable.Range(0, rank).Select(axis => axis == 0 ? 0 : from(axis, rank)));
    }
}
