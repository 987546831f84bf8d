using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// Empties the cores' caches before a layer is timed, as the layers before it in a network do: each thread reads memory that nobody else needs, then its share of the layer's activations, which
/// the layer before would have written. Weights then come from where they come from in a network.
/// </summary>
/// <param name="activations">The layer's operands and results.</param>
/// <param name="threads">Threads of the pool.</param>
internal sealed unsafe class CacheEviction(IReadOnlyList<DeviceMemory> activations, int threads) : IParallelBody, IDisposable
{
    private const int LineBytes = 64;

    // More than any core's own caches.
    private const int EvictedBytes = 4 << 20;

    private readonly AlignedMemory _other = new((long)EvictedBytes * threads);
    private int _sink;

    public void RunPart(RunState state, int part, int worker)
    {
        var sum = Read(_other.Start + (long)worker * EvictedBytes, EvictedBytes);
        foreach (var memory in activations)
        {
            var (first, end) = WorkSplit.Share(memory.Bytes, part, threads);
            sum += Read(memory.Start + first, end - first);
        }
        // Somebody must seem to need the sum.
        Volatile.Write(ref _sink, sum);
    }

    public void Dispose() => _other.Dispose();

    private static int Read(byte* start, long bytes)
    {
        var sum = 0;
        for (long i = 0; i < bytes; i += LineBytes) sum += start[i];
        return sum;
    }
}
