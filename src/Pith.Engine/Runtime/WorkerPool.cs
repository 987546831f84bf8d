namespace Pith.Runtime;

/// <summary>
/// The threads of one context: the caller and <c>threads - 1</c> workers. Each thread has a share of neighbouring parts, so that in layer after layer it works on the same rows and finds them in its
/// cache; a thread that is done takes what is left of others' shares, without locks or allocation, and a sleeping worker is never waited for. One caller at a time. The workers know only their
/// <see cref="WorkerCrew"/>: a pool that nobody holds any more ends them, also when disposing of it was forgotten.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    /// <summary>The most threads of a pool: more than any machine that Pith knows has processors.</summary>
    public const int MostThreads = 1024;

    private readonly WorkerCrew? _crew;

    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="processors">For each thread the processor that it is bound to; the caller's thread, which is the first, is left alone. Null to let the system choose.</param>
    /// <exception cref="PithException">There are too many threads, the system refuses one, or one cannot be bound; those that were started have ended.</exception>
    public WorkerPool(int threads, IReadOnlyList<int>? processors = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        Threads = threads;
        if (threads > MostThreads) throw new PithException($"A context can have 1 to {MostThreads} threads, got {threads}.");
        if (threads > 1) _crew = new WorkerCrew(threads, processors);
        else GC.SuppressFinalize(this);
    }

    ~WorkerPool() => _crew?.Stop();

    /// <summary>Threads, the caller's included.</summary>
    public int Threads { get; }

    /// <summary>The workers; null when the caller is alone.</summary>
    internal WorkerCrew? Crew => _crew;

    /// <summary>
    /// Runs all parts and returns when they are done. A failure in a part is thrown as it is. With several threads the other parts are run nevertheless; of several failures that of the lowest part
    /// is thrown, which in ascending order is the one that a single thread meets.
    /// </summary>
    /// <param name="body">The work.</param>
    /// <param name="state">The run.</param>
    /// <param name="parts">How many parts it has.</param>
    /// <param name="descending">Whether each thread begins with the last part of its share. After a pass over the same memory in ascending order, that part is what the caches still hold.</param>
    public void Run(IParallelBody body, RunState state, int parts, bool descending = false)
    {
        if (parts > 1 && _crew is not null) _crew.Run(body, state, parts, descending);
        else
            for (var part = 0; part < parts; part++) body.RunPart(state, descending ? parts - 1 - part : part, 0);
    }

    /// <summary>Ends the workers and waits for them. Must not be called during a run.</summary>
    public void Dispose()
    {
        _crew?.Dispose();
        GC.SuppressFinalize(this);
    }
}
