namespace Pith.Kernels.Jit;

/// <summary>
/// The order of the sums of a panel whose channels share 2:4 patterns V at a time. A pair of groups has its kept bytes next to each other: four for each group from half of the quads of a 128-bit lane, then four for each from
/// the other half. From 16 channels on eight of them are broadcast at once: a vector of sums holds eight channels of the even group in its even lanes and eight of the odd group in its odd lanes, and two neighbouring vectors,
/// a couple, hold the channels of two vectors of results. Of eight channels sixteen bytes are broadcast, so that one broadcast feeds two products here, too: two vectors of sums hold partial sums of one vector of results.
/// </summary>
internal static class SharedSums
{
    private const int HalfLanes = PanelShape.Lanes / 2, Dwords = 4;

    /// <summary>Vectors of a panel for groups of this many channels: a pair of groups.</summary>
    public static int PanelVectors(int shared) => shared / HalfLanes;

    /// <summary>Sums that are added up for one result.</summary>
    public static int Partials(int shared) => shared < PanelShape.Lanes ? 2 : 1;

    /// <summary>Bytes that are broadcast at once.</summary>
    public static int UnitBytes(int shared) => 8 * Partials(shared);

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
        var group = lane % 2;
        if (Partials(panel.Shared) > 1) return group * panel.Shared + lane / Dwords + Dwords * vector;
        // The couple's channels of the group: eight in the first vector, eight in the second.
        return Channels(panel, vector / 2).Where(channel => channel / panel.Shared == group).ElementAt(vector % 2 * HalfLanes + lane / 2);
    }

    /// <summary>Which half of a lane's quads a partial sum is of.</summary>
    public static int Half(int lane) => lane % Dwords / 2;

    /// <summary>For VPERMI2D and VPERMT2D on two vectors of sums: the lanes of a couple's first or second vector of results, or the first or second partial sums of one.</summary>
    public static int[] Permutation(PanelShape panel, int couple, bool isSecond)
    {
        var isPartial = Partials(panel.Shared) > 1;
        var sums = Enumerable.Range(0, 2 * PanelShape.Lanes)
            .Select(i => (Channel: Channel(panel, 2 * couple + i / PanelShape.Lanes, i % PanelShape.Lanes), Half: isPartial ? Half(i % PanelShape.Lanes) : 0)).ToArray();
        var result = isPartial ? couple : isSecond ? Results(panel, couple).Second : Results(panel, couple).First;
        var half = isPartial && isSecond ? 1 : 0;
        return [.. Enumerable.Range(0, PanelShape.Lanes).Select(lane => Array.IndexOf(sums, (panel.Channel(result, lane), half)))];
    }

    private static IEnumerable<int> Channels(PanelShape panel, int couple)
    {
        var (first, second) = Results(panel, couple);
        return new[] { first, second }.SelectMany(vector => Enumerable.Range(0, PanelShape.Lanes).Select(lane => panel.Channel(vector, lane))).Order();
    }
}
