using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>How an emitted convolution is cut up: what the autotuner tries.</summary>
/// <param name="Vectors">Vectors of 16 output channels in a panel.</param>
/// <param name="SplitsChannels">Threads share out the panels, each reading its own weights only; otherwise they share out the pixels.</param>
/// <param name="BlocksOutside">All panels of some blocks before the next blocks, so that these stay in the first-level cache; otherwise all blocks of a panel before the next panel, whose weights stay.</param>
internal readonly record struct ConvBlocking(int Vectors, bool SplitsChannels, bool BlocksOutside)
{
    /// <summary>Every way in which a family can cut a layer up.</summary>
    public static IEnumerable<ConvBlocking> All(ConvKernelFamily family) =>
        from v in family.PanelVectors
        from splitsChannels in (bool[])[false, true]
        from tilesOutside in (bool[])(family.OrdersBlocks ? [false] : [false, true])
        select new ConvBlocking(v, splitsChannels, tilesOutside);

    /// <summary>Whether a layer can be cut up so, and differently from other ways.</summary>
    public Verdict Fits(ConvOperands operands, int threads)
    {
        var panels = EvenParts.Count(operands.GroupChannels, Channels);
        if (!operands.IsDepthwise && Vectors > 1 && operands.GroupChannels <= Channels - PanelShape.Lanes) return Verdict.No("panels would be wider than the layer");
        if (SplitsChannels && (threads == 1 || panels * operands.Groups == 1)) return Verdict.No("there is nothing to split");
        if (BlocksOutside && panels == 1) return Verdict.No("one panel needs no order");
        return Verdict.Yes;
    }

    /// <summary>Output channels of a panel.</summary>
    public int Channels => Vectors * PanelShape.Lanes;

    public override string ToString() => $"{Channels}{(SplitsChannels ? ",split channels" : ",split pixels")}{(BlocksOutside ? ",tiles outside" : "")}";
}
