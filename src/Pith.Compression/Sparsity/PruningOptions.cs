namespace Pith.Compression.Sparsity;

/// <summary>Who watches and may stop <see cref="Prune24.Apply"/>.</summary>
public sealed record PruningOptions
{
    /// <summary>Receives the progress of the search for an order of channels and of timing, and a <see cref="Warning"/> when the order has to stay.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Threads of the networks that pattern auto times; 0 means one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>Stops the search and the timing; the graph is then to be thrown away.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The pattern of each layer by its name, instead of the settings' for all of them; layers that are not in it stay dense. Null: the settings decide.</summary>
    internal IReadOnlyDictionary<string, SparsityPattern>? ByLayer { get; init; }

    /// <summary>Whether weights that were chosen in one shot are fitted to all images in the end, instead of leaving out those that judge.</summary>
    internal bool FitsAllImages { get; init; } = true;
}
