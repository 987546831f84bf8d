using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

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
/// The threads of one context: the caller and <c>threads - 1</c> workers that spin for a moment between layers and then sleep. Each thread has a share of neighbouring parts, so that in layer after
/// layer it works on the same rows and finds them in its cache; a thread that is done takes what is left of others' shares, without locks or allocation, and a sleeping worker is never waited
/// for. A failure in a part reaches the caller when all parts are done.
/// </summary>
internal sealed class WorkerPool : IDisposable
{
    // Longer than the gap between two layers, shorter than a time slice.
    private static readonly long s_spinTicks = Stopwatch.Frequency / 20_000;

    // Pauses between two looks at the clock.
    private const int PausesPerLook = 32;

    private readonly Thread[] _workers;
    private readonly Share[] _shares;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CountdownEvent _bound;
    private IParallelBody _body = null!;
    private RunState _state = null!;
    private int _call;
    private int _done;
    private int _sleeping;
    private volatile bool _stopping;
    private Exception? _failure;

    /// <param name="threads">Threads, the caller's included.</param>
    /// <param name="processors">For each thread the processor that it is bound to; the caller's thread, which is the first, is left alone. Null to let the system choose.</param>
    public WorkerPool(int threads, IReadOnlyList<int>? processors = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _shares = new Share[threads];
        _bound = new CountdownEvent(threads - 1);
        _workers = new Thread[threads - 1];
        for (var i = 0; i < _workers.Length; i++)
        {
            var worker = i + 1;
            _workers[i] = new Thread(() => Work(worker, processors?[worker])) { IsBackground = true, Name = $"Pith worker {worker}" };
            _workers[i].Start();
        }
        if (processors is null) return;
        // Whether the threads could be bound is known now, not at the first run.
        _bound.Wait();
        if (_failure is not { } failure) return;
        Dispose();
        throw failure;
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
        _done = 0;
        _failure = null;
        var call = unchecked(_call + 1);
        for (var i = 0; i < _shares.Length; i++)
        {
            var (first, end) = ((int)((long)parts * i / _shares.Length), (int)((long)parts * (i + 1) / _shares.Length));
            _shares[i].End = end;
            Volatile.Write(ref _shares[i].Ticket, ((long)call << 32) | (uint)(end - first));
        }
        Interlocked.Exchange(ref _call, call);
        if (Volatile.Read(ref _sleeping) > 0 && Interlocked.Exchange(ref _sleeping, 0) is var asleep and > 0) _wake.Release(asleep);
        while (TakePart(0)) { }
        Finish(parts);
        if (_failure is { } failure) throw new InvalidOperationException($"A layer failed: {failure.Message}", failure);
    }

    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        if (_workers.Length > 0) _wake.Release(_workers.Length);
        foreach (var worker in _workers) worker.Join();
        _wake.Dispose();
        _bound.Dispose();
    }

    // Others are at their last part: nearly always it is a matter of a moment.
    private void Finish(int parts)
    {
        for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetTimestamp() - begin < s_spinTicks;)
            for (var i = 0; i < PausesPerLook; i++)
            {
                if (Volatile.Read(ref _done) == parts) return;
                Pause();
            }
        var spinner = new SpinWait();
        while (Volatile.Read(ref _done) < parts) spinner.SpinOnce(sleep1Threshold: -1);
    }

    private void Work(int worker, int? processor)
    {
        if (processor is { } bound) Bind(bound);
        while (!_stopping)
        {
            // Parts that appear after this look belong to a call that is seen next time.
            var seen = Volatile.Read(ref _call);
            while (TakePart(worker)) { }
            if (SpinForCall(seen)) continue;
            Interlocked.Increment(ref _sleeping);
            // A call that came between the last look and the increment woke nobody; look once more. A token left over only wakes a worker for nothing.
            if (Volatile.Read(ref _call) == seen && !_stopping) _wake.Wait();
        }
    }

    private void Bind(int processor)
    {
        try
        {
            ThreadAffinity.PinCurrentThread(processor);
        }
        catch (PithException failure)
        {
            _failure ??= failure;
        }
        _bound.Signal();
    }

    private bool SpinForCall(int seen)
    {
        for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetTimestamp() - begin < s_spinTicks;)
            for (var i = 0; i < PausesPerLook; i++)
            {
                if (Volatile.Read(ref _call) != seen || _stopping) return true;
                Pause();
            }
        return false;
    }

    private static void Pause()
    {
        if (X86Base.IsSupported) X86Base.Pause();
        else Thread.SpinWait(1);
    }

    // One part of the worker's own share or, when that is empty, of another's.
    private bool TakePart(int worker)
    {
        for (var i = 0; i < _shares.Length; i++)
        {
            ref var share = ref _shares[worker + i < _shares.Length ? worker + i : worker + i - _shares.Length];
            while (Volatile.Read(ref share.Ticket) is var ticket && (int)(uint)ticket is var left and > 0)
            {
                // These belong to the ticket if and only if the exchange succeeds: they change only after all parts are done.
                var (body, state, part) = (_body, _state, share.End - left);
                if (Interlocked.CompareExchange(ref share.Ticket, ticket - 1, ticket) != ticket) continue;
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
        return false;
    }

    /// <summary>Neighbouring parts, on cache lines of their own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Share
    {
        // High half: which call of Run; low half: parts not yet taken. A part is taken by a compare-exchange on the whole, so that nobody takes a part of another call.
        [FieldOffset(64)]
        public long Ticket;

        // One past the last part.
        [FieldOffset(72)]
        public int End;
    }
}
