using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Pith.Runtime;

/// <summary>The worker threads of a <see cref="WorkerPool"/> and what they share with the caller. Workers spin for a moment between layers and then sleep.</summary>
internal sealed class WorkerCrew : IDisposable
{
    // Longer than the gap between two layers, shorter than a time slice.
    private static readonly long s_spinTicks = Stopwatch.Frequency / 20_000;

    // Pauses between two looks at the clock.
    private const int PausesPerLook = 32;

    private readonly Thread[] _workers;
    private readonly Share[] _shares;
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CountdownEvent _bound;
    private readonly FirstFailure _failure = new();
    private IParallelBody? _body;
    private RunState? _state;
    private int _call;

    // From a part to the one that is taken before it.
    private int _step;
    private int _done;
    private int _sleeping;
    private volatile bool _stopping;

    /// <param name="threads">Threads, the caller's included; at least 2.</param>
    /// <param name="processors">For each thread the processor that it is bound to, the caller's excepted; null to let the system choose.</param>
    public WorkerCrew(int threads, IReadOnlyList<int>? processors)
    {
        _shares = new Share[threads];
        _bound = new CountdownEvent(threads - 1);
        _workers = new Thread[threads - 1];
        var started = 0;
        try
        {
            for (; started < _workers.Length; started++)
            {
                var worker = started + 1;
                _workers[started] = new Thread(() => Work(worker, processors?[worker])) { IsBackground = true, Name = $"Pith worker {worker}" };
                _workers[started].Start();
            }
            if (processors is null) return;
            // Whether the threads could be bound is known now, not at the first run.
            _bound.Wait();
            _failure.ThrowIfAny();
        }
        catch (Exception failure)
        {
            End(_workers.AsSpan(0, started));
            if (failure is OutOfMemoryException or ThreadStartException) throw new PithException($"The system refuses thread {started + 2} of {threads} ({failure.Message}). Ask for fewer threads.", failure);
            throw;
        }
    }

    /// <summary>Wakes that were given and not yet taken by a sleeper.</summary>
    internal int PendingWakes => _wake.CurrentCount;

    /// <summary>Workers that sleep, or are about to.</summary>
    internal int Sleeping => Volatile.Read(ref _sleeping);

    /// <summary>See <see cref="WorkerPool.Run"/>.</summary>
    public void Run(IParallelBody body, RunState state, int parts, bool descending)
    {
        _body = body;
        _state = state;
        _done = 0;
        _step = descending ? 1 : -1;
        var call = unchecked(_call + 1);
        for (var i = 0; i < _shares.Length; i++)
        {
            var (first, end) = ((int)((long)parts * i / _shares.Length), (int)((long)parts * (i + 1) / _shares.Length));
            _shares[i].Origin = descending ? first - 1 : end;
            Volatile.Write(ref _shares[i].Ticket, ((long)call << 32) | (uint)(end - first));
        }
        Interlocked.Exchange(ref _call, call);
        WakeSleepers();
        while (TakePart(0)) { }
        Finish(parts);
        // Workers that go on spinning or sleeping must not keep a forgotten context alive.
        _body = null;
        _state = null;
        _failure.ThrowIfAny();
    }

    /// <summary>Tells the workers to end, without waiting for them.</summary>
    public void Stop()
    {
        _stopping = true;
        // A worker counts itself as asleep, then looks at the flag; this looks at the count after the flag is seen everywhere. Without the barrier both could miss each other, and the worker would sleep for ever.
        Interlocked.MemoryBarrier();
        WakeSleepers();
    }

    public void Dispose()
    {
        if (!_stopping) End(_workers);
    }

    private void End(ReadOnlySpan<Thread> started)
    {
        Stop();
        foreach (var worker in started) worker.Join();
        _wake.Dispose();
        _bound.Dispose();
    }

    // Every sleeper that is counted here takes one token, and none is given to anybody else.
    private void WakeSleepers()
    {
        if (Volatile.Read(ref _sleeping) > 0 && Interlocked.Exchange(ref _sleeping, 0) is var asleep and > 0) _wake.Release(asleep);
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
        if (processor is { } bound) Bind(worker, bound);
        while (!_stopping)
        {
            // Parts that appear after this look belong to a call that is seen next time.
            var seen = Volatile.Read(ref _call);
            while (TakePart(worker)) { }
            if (SpinForCall(seen)) continue;
            Interlocked.Increment(ref _sleeping);
            // A call that came between the last look and the increment woke nobody; look once more.
            if ((Volatile.Read(ref _call) == seen && !_stopping) || !TryStayAwake()) _wake.Wait();
        }
    }

    // Takes one sleeper back. There is none when a caller has counted it: then its token is on the way and must be taken, or workers would be woken for nothing ever after.
    private bool TryStayAwake()
    {
        while (Volatile.Read(ref _sleeping) is var asleep and > 0)
            if (Interlocked.CompareExchange(ref _sleeping, asleep - 1, asleep) == asleep) return true;
        return false;
    }

    private void Bind(int worker, int processor)
    {
        try
        {
            ThreadAffinity.PinCurrentThread(processor);
        }
        catch (PithException failure)
        {
            _failure.Add(worker, failure);
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
                var (body, state, part) = (_body, _state, share.Origin + _step * left);
                if (Interlocked.CompareExchange(ref share.Ticket, ticket - 1, ticket) != ticket) continue;
                try
                {
                    body!.RunPart(state!, part, worker);
                }
                catch (Exception failure)
                {
                    _failure.Add(part, failure);
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

        // The part that comes after the last one that is taken.
        [FieldOffset(72)]
        public int Origin;
    }
}
