namespace Pith.Compression.Sparsity;

/// <summary>Who watches and may stop <see cref="Prune24.Apply"/>.</summary>
public sealed record PruningOptions
{
    /// <summary>Receives the progress of the search for an order of channels, and a <see cref="Warning"/> when the order has to stay.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops that search; the graph is then to be thrown away.</summary>
    public CancellationToken Cancellation { get; init; }
}
