namespace Pith.Kernels.Jit;

/// <summary>
/// The order of the sums of a panel whose channels share 2:4 patterns V at a time. Eight bytes of input are broadcast at once: four for each of two groups, a pair, so a vector of sums holds eight
/// channels of the even group in its even lanes and eight of the odd group in its odd lanes. Two neighbouring vectors, a couple, hold the channels of two vectors of results, which two permutations make of them.
/// </summary>
internal static class SharedSums
{
    private const int HalfLanes = PanelShape.Lanes / 2;

    /// <summary>Vectors of a panel for groups of so many channels: a pair of groups, or two pairs of eight channels each.</summary>
    public static int PanelVectors(int shared) => Math.Max(2, shared / HalfLanes);

    /// <summary>Pairs of groups in a panel.</summary>
    public static int Pairs(PanelShape panel) => panel.Capacity / (2 * panel.Shared);

    /// <summary>The pair of groups that a vector of sums belongs to.</summary>
    public static int PairOf(PanelShape panel, int vector) => vector / (panel.Shared / HalfLanes);

    /// <summary>The first of a couple's two vectors of results, and the second.</summary>
    public static (int First, int Second) Results(PanelShape panel, int couple)
    {
        // Natural vectors of results belong to one group where groups are longer than a vector.
        var apart = panel.IsNatural && panel.Shared > PanelShape.Lanes;
        return apart ? (couple, couple + panel.Vectors / 2) : (2 * couple, 2 * couple + 1);
    }

    /// <summary>The channel in a lane of a vector of sums.</summary>
    public static int Channel(PanelShape panel, int vector, int lane)
    {
        var (couple, inCouple) = Math.DivRem(vector, 2);
        var group = 2 * PairOf(panel, vector) + lane % 2;
        // The couple's channels of the group, of which an earlier vector of the same pair has taken eight.
        var taken = inCouple == 1 && PairOf(panel, vector - 1) == PairOf(panel, vector) ? HalfLanes : 0;
        return Channels(panel, couple).Where(channel => channel / panel.Shared == group).ElementAt(taken + lane / 2);
    }

    /// <summary>For VPERMI2D and VPERMT2D on the vectors of a couple of sums: the lanes of its first or second vector of results.</summary>
    public static int[] Permutation(PanelShape panel, int couple, bool isSecond)
    {
        var sums = Enumerable.Range(0, 2 * PanelShape.Lanes).Select(i => Channel(panel, 2 * couple + i / PanelShape.Lanes, i % PanelShape.Lanes)).ToArray();
        var result = isSecond ? Results(panel, couple).Second : Results(panel, couple).First;
        return [.. Enumerable.Range(0, PanelShape.Lanes).Select(lane => Array.IndexOf(sums, panel.Channel(result, lane)))];
    }

    private static IEnumerable<int> Channels(PanelShape panel, int couple)
    {
        var (first, second) = Results(panel, couple);
        return new[] { first, second }.SelectMany(vector => Enumerable.Range(0, PanelShape.Lanes).Select(lane => panel.Channel(vector, lane))).Order();
    }
}
