using Pith.Compression.Distribution;

namespace Pith.Compression.Tests.Distribution;

/// <summary>Ranks that are threads of this process: the same algorithms as with MPI, over shared memory.</summary>
internal sealed class ThreadGroup : ProcessGroup
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly byte[][] _sent;
    private readonly Barrier _barrier;

    private ThreadGroup(int rank, byte[][] sent, Barrier barrier) => (Rank, _sent, _barrier) = (rank, sent, barrier);

    public override int Rank { get; }

    public override int Size => _sent.Length;

    /// <summary>Calls <paramref name="work"/> once for each rank, all at the same time.</summary>
    /// <returns>The results in the order of ranks.</returns>
    public static T[] Run<T>(int size, Func<ProcessGroup, T> work)
    {
        var (sent, results, failures) = (new byte[size][], new T[size], new Exception?[size]);
        using var barrier = new Barrier(size);
        var threads = Enumerable.Range(0, size).Select(rank => new Thread(() =>
        {
            try
            {
                results[rank] = work(new ThreadGroup(rank, sent, barrier));
            }
            catch (Exception failure)
            {
                failures[rank] = failure;
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        if (failures.FirstOrDefault(failure => failure is not null) is { } first) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        return results;
    }

    public override void Barrier()
    {
        if (!_barrier.SignalAndWait(s_limit)) throw new TimeoutException($"rank {Rank} of {Size} waited {s_limit} for the others");
    }

    protected override void ExchangeBlocks(ReadOnlySpan<byte> sent, Span<byte> received)
    {
        _sent[Rank] = sent.ToArray();
        Barrier();
        var block = sent.Length / Size;
        for (var rank = 0; rank < Size; rank++) _sent[rank].AsSpan(Rank * block, block).CopyTo(received[(rank * block)..]);
        Barrier();
    }

    protected override void Gather(ReadOnlySpan<byte> own, Span<byte> all)
    {
        _sent[Rank] = own.ToArray();
        Barrier();
        for (var rank = 0; rank < Size; rank++) _sent[rank].CopyTo(all[(rank * own.Length)..]);
        Barrier();
    }

    protected override void Broadcast(Span<byte> bytes)
    {
        if (Rank == 0) _sent[0] = bytes.ToArray();
        Barrier();
        _sent[0].CopyTo(bytes);
        Barrier();
    }
}
