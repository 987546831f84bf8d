namespace Pith.Runtime;

/// <summary>Work that falls into independent parts.</summary>
internal interface IParallelBody
{
    /// <summary>Does one part. Parts write disjoint memory, so neither their order nor the thread matters.</summary>
    /// <param name="state">The run.</param>
    /// <param name="part">Which part, from 0.</param>
    /// <param name="worker">Which thread of the pool, from 0: selects scratch memory.</param>
    void RunPart(RunState state, int part, int worker);
}

/// <summary>
/// The threads of one context: the caller and <c>threads - 1</c> workers that spin for a moment between layers and then sleep. Parts are handed out by one atomic
/// ticket, without locks or allocation, and a sleeping worker is never waited for. A failure in a part reaches the caller when all parts are done.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // About 50 microseconds: longer than the gap between two layers, shorter than a time slice.
    private const int SpinsBeforeSleep = 1000;

    private readonly Thread[] _workers;
    private readonly SemaphoreSlim _wake = new(0);
    private IParallelBody _body = null!;
    private RunState _state = null!;
    private int _parts;

    // High half: which call of Run; low half: parts not yet taken. A part is taken by a compare-exchange on the whole, so that nobody takes a part of another call.
    private long _ticket;
    private int _done;
    private int _sleeping;
    private volatile bool _stopping;
    private Exception? _failure;

    public WorkerPool(int threads)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _workers = new Thread[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
        {
            var worker = i + 1;
            _workers[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"Pith worker {worker}" };
            _workers[i].Start();
        }
    }

    /// <summary>Threads, the caller's included.</summary>
    public int Threads => _workers.Length + 1;

    /// <summary>Runs all parts and returns when they are done.</summary>
    public void Run(IParallelBody body, RunState state, int parts)
    {
        if (parts <= 1 || _workers.Length == 0)
        {
            for (var part = 0; part < parts; part++) body.RunPart(state, part, 0);
            return;
        }
        _body = body;
        _state = state;
        _parts = parts;
        _done = 0;
        _failure = null;
        var call = (_ticket >> 32) + 1;
        Interlocked.Exchange(ref _ticket, (call << 32) | (uint)parts);
        if (Volatile.Read(ref _sleeping) > 0 && Interlocked.Exchange(ref _sleeping, 0) is var asleep and > 0) _wake.Release(asleep);
        while (TakePart(0)) { }
        var spinner = new SpinWait();
        while (Volatile.Read(ref _done) < parts) spinner.SpinOnce(sleep1Threshold: -1);
        if (_failure is { } failure) throw new InvalidOperationException($"A layer failed: {failure.Message}", failure);
    }

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        if (_workers.Length > 0) _wake.Release(_workers.Length);
        foreach (var worker in _workers) worker.Join();
        _wake.Dispose();
    }

    private void Work(int worker)
    {
        while (!_stopping)
        {
            if (TakePart(worker) || SpinForWork()) continue;
            Interlocked.Increment(ref _sleeping);
            // A part that came between the last look and the increment woke nobody; look once more. A token left over only wakes a worker for nothing.
            if (!HasWork && !_stopping) _wake.Wait();
        }
    }

    private bool HasWork => (uint)Volatile.Read(ref _ticket) != 0;

    private bool SpinForWork()
    {
        for (var spin = 0; spin < SpinsBeforeSleep; spin++)
        {
            if (HasWork || _stopping) return true;
            Thread.SpinWait(8);
        }
        return false;
    }

    private bool TakePart(int worker)
    {
        var ticket = Volatile.Read(ref _ticket);
        var left = (int)(uint)ticket;
        if (left == 0) return false;
        // These belong to the ticket if and only if the exchange succeeds: they change only after all parts are done.
        var (body, state, part) = (_body, _state, _parts - left);
        if (Interlocked.CompareExchange(ref _ticket, ticket - 1, ticket) != ticket) return true;
        try
        {
            body.RunPart(state, part, worker);
        }
        catch (Exception failure)
        {
            _failure ??= failure;
        }
        Interlocked.Increment(ref _done);
        return true;
    }
}
