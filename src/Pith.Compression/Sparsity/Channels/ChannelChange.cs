namespace Pith.Compression.Sparsity;

/// <summary>What is done to all channels of a <see cref="ChannelClass"/> together.</summary>
/// <param name="TiesOf">What each op says about it.</param>
/// <param name="Reason">Why a node without a tie keeps its channels as they are; for people, after its name.</param>
internal sealed record ChannelChange(Func<Node, IReadOnlyList<ChannelTie>> TiesOf, string Reason)
{
    /// <summary>They are put in another order.</summary>
    public static ChannelChange Order { get; } = new(ChannelTies.Of, "needs its channels in their order");

    /// <summary>Each is multiplied by a positive factor.</summary>
    public static ChannelChange Factor { get; } = new(FactorTies.Of, "passes no factor of a channel on");
}
