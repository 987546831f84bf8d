using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>How an emitted convolution is cut up: what the autotuner tries.</summary>
/// <param name="Vectors">Vectors of 16 output channels in a panel.</param>
/// <param name="SplitsChannels">Threads share out the panels, each reading its own weights only; otherwise they share out the pixels.</param>
/// <param name="TilesOutside">All panels of some tiles before the next tiles, so that these stay in the first-level cache; otherwise all tiles of a panel before the next panel, whose weights stay.</param>
internal readonly record struct ConvBlocking(int Vectors, bool SplitsChannels, bool TilesOutside)
{
    /// <summary>Output channels of a panel.</summary>
    public int Channels => Vectors * PanelShape.Lanes;

    public override string ToString() => $"{Channels}{(SplitsChannels ? ",split channels" : ",split pixels")}{(TilesOutside ? ",tiles outside" : "")}";
}
