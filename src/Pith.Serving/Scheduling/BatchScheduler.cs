using System.Diagnostics;
using System.Globalization;

namespace Pith.Serving;

/// <summary>
/// The queue of one loaded model. Callers put requests in; threads of instances take them out, oldest first, several at once when the policy allows it. A full queue refuses at once, a request that was
/// cancelled or waited too long leaves it, and after <see cref="Stop"/> what is queued is still answered. While nothing is queued a free instance is lent to the caller instead. Instances have all threads of the
/// model, or are lanes, which have one: the lanes run, a request each, while there are requests for all of them, the others when there are fewer; never both at a time. Thread-safe.
/// </summary>
internal sealed class BatchScheduler : IDisposable
{
    // Borrowers are threads that receive for other connections, too: one processor is left to those, and what runs longer is left to the instance's own thread.
    private static readonly int s_mostLoans = Environment.ProcessorCount - 1;
    private static readonly long s_longestLoan = Stopwatch.Frequency / 50;
    private static int s_loans;

    private readonly string _model;
    private readonly BatchingPolicy _policy;
    private readonly ModelStatistics _statistics;
    private readonly LinkedList<PendingRequest> _queue = new();
    private readonly object _gate = new();
    private readonly Timer _expiry;
    private readonly long _delayTicks;
    private readonly InstanceUse[] _instances;
    // For each instance that is not free, when its run is expected to end.
    private readonly long[] _freeAt;
    private readonly int _firstLane;
    private readonly RunTimes _runTimes;
    private MeanTime _laneTime;
    private MeanTime _delivery;
    private long _nextExpiry = long.MaxValue;
    private int _waitingRows;
    private bool _stopping;

    /// <param name="model">What messages call the model.</param>
    /// <param name="policy">How requests wait and are put together.</param>
    /// <param name="statistics">Where waiting requests are counted.</param>
    /// <param name="instances">Instances that take batches; the policy's lanes are numbered after them.</param>
    public BatchScheduler(string model, BatchingPolicy policy, ModelStatistics statistics, int instances = 1)
    {
        (_model, _policy, _statistics, _firstLane) = (model, policy, statistics, instances);
        (_instances, _freeAt) = (new InstanceUse[instances + policy.Lanes], new long[instances + policy.Lanes]);
        _runTimes = new RunTimes(policy.LargestBatch);
        _delayTicks = Ticks(policy.Delay);
        _expiry = new Timer(_ => RemoveExpired());
    }

    private enum InstanceUse
    {
        /// <summary>Its thread waits for requests, or is about to look for them.</summary>
        Free,

        /// <summary>Its thread runs a batch.</summary>
        Running,

        /// <summary>A caller runs a request.</summary>
        Lent,
    }

    public BatchingPolicy Policy => _policy;

    /// <summary>Whether a request that arrived at <paramref name="arrivedAt"/> would be refused: known before its body is read.</summary>
    public bool WouldRefuse(long arrivedAt)
    {
        var deadline = _policy.Timeout is { } timeout ? arrivedAt + Ticks(timeout) : long.MaxValue;
        lock (_gate) return !_stopping && (_queue.Count >= _policy.QueueLimit || WouldBeLate(1, deadline));
    }

    /// <summary>Whether nothing waits; a moment later it may.</summary>
    public bool IsIdle => Volatile.Read(ref _waitingRows) == 0;

    /// <summary>The ticks of a time, of <see cref="Stopwatch"/>.</summary>
    public static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    /// <summary>Queues a request.</summary>
    /// <returns>False when the model is being unloaded or replaced: then its successor should be asked.</returns>
    /// <exception cref="RequestException">The queue is full.</exception>
    public bool TryAdd(PendingRequest request)
    {
        lock (_gate)
        {
            if (_stopping) return false;
            if (_queue.Count >= _policy.QueueLimit || WouldBeLate(request.Rows, request.Deadline)) throw QueueIsFull();
            request.QueuedAt = Stopwatch.GetTimestamp();
            request.Place = _queue.AddLast(request);
            _waitingRows += request.Rows;
            _statistics.Waiting(1);
            if (request.Deadline < _nextExpiry) ExpireAt(request.Deadline);
            WakeInstance();
            return true;
        }
    }

    /// <summary>
    /// Lends a free instance to the thread that brings a request. It runs the request there and gives the instance back with <see cref="Return"/>: nobody has to be woken, and the request's data is in
    /// this processor's cache.
    /// </summary>
    /// <returns>The number of the instance; null when the request has to be queued.</returns>
    public int? TryBorrow(PendingRequest request)
    {
        if (!_policy.LendsInstances) return null;
        if (Interlocked.Increment(ref s_loans) <= s_mostLoans)
        {
            lock (_gate)
            {
                request.QueuedAt = Stopwatch.GetTimestamp();
                if (!_stopping && _queue.Count == 0 && FreeFor(request.Rows, waiting: 1) is var free and >= 0)
                {
                    var run = RunTime(free, request.Rows);
                    if (run <= s_longestLoan && request.Deadline >= request.QueuedAt + run && _policy.Target(request.Rows, isDelayOver: _delayTicks == 0) > 0)
                    {
                        Occupy(free, InstanceUse.Lent, request.QueuedAt + run);
                        return free;
                    }
                }
            }
        }
        Interlocked.Decrement(ref s_loans);
        return null;
    }

    /// <summary>Takes back an instance that was lent.</summary>
    public void Return(int instance)
    {
        Interlocked.Decrement(ref s_loans);
        lock (_gate)
        {
            _instances[instance] = InstanceUse.Free;
            // What has been queued meanwhile is run by a thread of its own; when stopped, its own ends.
            if (_queue.Count > 0 || _stopping) Monitor.PulseAll(_gate);
        }
    }

    public RequestException QueueIsFull() => new(RequestFault.Overloaded, _queue.Count < _policy.QueueLimit
        ? $"Model '{_model}' is overloaded: after the {_queue.Count} requests that wait already this one would not be answered within its time-out. Try again later."
        : $"Model '{_model}' is overloaded: {_queue.Count} requests wait already. Try again later, or raise max_queue_size.");

    /// <summary>Takes a request out of the queue when its caller has gone; one that an instance has taken is finished.</summary>
    public void Cancel(PendingRequest request, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (request.Place is null) return;
            Remove(request);
            if (_policy.Lanes > 0) WakeInstance();
        }
        request.Cancel(cancellation);
    }

    /// <summary>Waits for requests and takes as many as make a batch. Called by the thread of an instance, when it does not run anything.</summary>
    /// <param name="instance">The number of the instance.</param>
    /// <param name="batch">Receives them; empty before.</param>
    /// <returns>False when the scheduler was stopped and the queue is empty.</returns>
    public bool Take(int instance, List<PendingRequest> batch)
    {
        while (true)
        {
            long spinUntil;
            lock (_gate)
            {
                if (_instances[instance] == InstanceUse.Running)
                {
                    _instances[instance] = InstanceUse.Free;
                    // Others may have waited for this one.
                    if (_policy.Lanes > 0) WakeInstance();
                }
                while (_queue.Count == 0 || _instances[instance] == InstanceUse.Lent || !IsTurnOf(instance, _queue.First!.Value.Rows, _queue.Count))
                {
                    if (_stopping && _queue.Count == 0 && _instances[instance] == InstanceUse.Free)
                    {
                        Monitor.PulseAll(_gate);
                        return false;
                    }
                    Monitor.Wait(_gate);
                }
                var now = Stopwatch.GetTimestamp();
                var oldest = _queue.First!.Value.QueuedAt;
                var target = IsLane(instance) ? 1 : _policy.Target(_waitingRows, _stopping || now - oldest >= _delayTicks);
                if (target > 0)
                {
                    var rows = TakeRows(IsLane(instance), target, now, now + RunTime(instance, Math.Min(target, _waitingRows)) + _delivery.Ticks, batch);
                    // Others may make a batch of what is left.
                    if (batch.Count > 0) Occupy(instance, InstanceUse.Running, now + RunTime(instance, rows));
                    if (_queue.Count > 0) WakeInstance();
                    if (batch.Count > 0) return true;
                    continue;
                }
                spinUntil = oldest + _delayTicks;
                var milliseconds = (int)((spinUntil - now) * 1000 / Stopwatch.Frequency);
                // Monitors wait for whole milliseconds.
                if (milliseconds > 0)
                {
                    Monitor.Wait(_gate, milliseconds);
                    continue;
                }
            }
            YieldUntil(spinUntil);
        }
    }

    /// <summary>Says how long a run took, by which the next ones are judged: a request that cannot be answered in time is not begun.</summary>
    public void Ran(int instance, int rows, long ticks)
    {
        lock (_gate)
        {
            if (IsLane(instance)) _laneTime.Add(ticks);
            else _runTimes.Add(rows, ticks);
        }
    }

    /// <summary>Says that a caller has its answer and is about to send it.</summary>
    /// <exception cref="RequestException">It is too late.</exception>
    public void Delivered(PendingRequest request)
    {
        var now = Stopwatch.GetTimestamp();
        lock (_gate) _delivery.Add(now - request.CompletedAt);
        if (now > request.Deadline) throw TooLate(request);
    }

    /// <summary>Takes no more requests. What is queued is still answered, then the instances end.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }
    }

    public void Dispose()
    {
        Stop();
        _expiry.Dispose();
    }

    // Instances that run look at the queue when they are done; one that is lent is woken when it is returned.
    private void WakeInstance()
    {
        if (_queue.Count == 0 || FreeFor(_queue.First!.Value.Rows, _queue.Count) < 0) return;
        // Where not everyone can run what waits, the thread that is woken might be one that cannot, and would only go on waiting.
        if (_policy.Lanes == 0 && Array.IndexOf(_instances, InstanceUse.Lent) < 0) Monitor.Pulse(_gate);
        else Monitor.PulseAll(_gate);
    }

    private bool IsLane(int instance) => instance >= _firstLane;

    // A free instance whose turn it is; -1 when there is none.
    private int FreeFor(int rows, int waiting)
    {
        for (var i = 0; i < _instances.Length; i++)
            if (_instances[i] == InstanceUse.Free && IsTurnOf(i, rows, waiting)) return i;
        return -1;
    }

    // Lanes and the others share the processors. With fewer requests than lanes some processors would do nothing, so all of them work on one.
    private bool IsTurnOf(int instance, int rows, int waiting)
    {
        if (_policy.Lanes == 0) return true;
        var busyLanes = Busy(_firstLane, _instances.Length);
        var isForLanes = rows == 1 && busyLanes + waiting >= _policy.Lanes;
        return IsLane(instance) ? isForLanes && Busy(0, _firstLane) == 0 : !isForLanes && busyLanes == 0;
    }

    private int Busy(int from, int to)
    {
        var busy = 0;
        for (var i = from; i < to; i++)
            if (_instances[i] != InstanceUse.Free) busy++;
        return busy;
    }

    private long RunTime(int instance, int rows) => IsLane(instance) ? LaneTime : _runTimes.Of(rows);

    // No longer than all threads one after the other: an estimate that is too long would keep the queue too short for lanes, and so would never be corrected.
    private long LaneTime => _runTimes.Of(1) is var alone and > 0 ? Math.Min(_laneTime.Ticks, _policy.Lanes * alone) : _laneTime.Ticks;

    private void YieldUntil(long until)
    {
        while (Stopwatch.GetTimestamp() < until)
        {
            if (Volatile.Read(ref _waitingRows) >= _policy.LargestBatch || Volatile.Read(ref _stopping)) return;
            Thread.Yield();
        }
    }

    private void Occupy(int instance, InstanceUse use, long until) => (_instances[instance], _freeAt[instance]) = (use, until);

    // Who is last in the queue is answered after what runs now and everything that waits; refused now, it can ask another server. A queue that is empty is always tried: the estimate may be wrong.
    private bool WouldBeLate(int rows, long deadline)
    {
        if (_queue.Count == 0 || deadline == long.MaxValue) return false;
        var now = Stopwatch.GetTimestamp();
        long busy = 0;
        for (var i = 0; i < _instances.Length; i++)
            if (_instances[i] != InstanceUse.Free) busy += Math.Max(0, _freeAt[i] - now);
        // Lanes begin one request after the other, and each takes the whole time of a lane.
        var done = LaneTime is var laneTime and > 0 && _waitingRows + rows >= _policy.Lanes
            ? (busy + _waitingRows * laneTime) / _policy.Lanes + rows * laneTime
            : (busy + _runTimes.Of(_waitingRows + rows)) / _firstLane;
        // Estimates are too short as often as too long, and time passes before a request is seen here and until its answer is read. A queue of half the time-out answers as many requests under overload,
        // and nearly all of them in time.
        return now + 2 * (done + _delivery.Ticks) > deadline;
    }

    private int TakeRows(bool isLane, int target, long now, long answeredAt, List<PendingRequest> batch)
    {
        var rows = 0;
        while (_queue.First?.Value is { } request)
        {
            // The estimate alone does not refuse what nothing waits behind: another run is what corrects it.
            var isTried = batch.Count == 0 && _queue.Count == 1 && request.Deadline > now;
            if (request.Deadline < answeredAt && !isTried)
            {
                Remove(request);
                Expire(request);
                continue;
            }
            // The first one runs whatever its size: alone if it is larger than a batch of several.
            if (batch.Count > 0 && rows + request.Rows > target) break;
            // The first was too late, and the next is not for one thread.
            if (isLane && request.Rows > 1) break;
            Remove(request);
            batch.Add(request);
            rows += request.Rows;
        }
        return rows;
    }

    private void RemoveExpired()
    {
        lock (_gate)
        {
            var now = Stopwatch.GetTimestamp();
            var next = long.MaxValue;
            for (var place = _queue.First; place is not null;)
            {
                var request = place.Value;
                place = place.Next;
                if (request.Deadline > now)
                {
                    next = Math.Min(next, request.Deadline);
                    continue;
                }
                Remove(request);
                Expire(request);
            }
            ExpireAt(next);
            if (_policy.Lanes > 0) WakeInstance();
        }
    }

    private void ExpireAt(long deadline)
    {
        _nextExpiry = deadline;
        if (deadline == long.MaxValue || _stopping && _queue.Count == 0) return;
        var milliseconds = Math.Clamp((deadline - Stopwatch.GetTimestamp()) * 1000 / Stopwatch.Frequency + 1, 1, int.MaxValue);
        _expiry.Change(milliseconds, Timeout.Infinite);
    }

    private void Expire(PendingRequest request) => request.Fail(TooLate(request));

    private RequestException TooLate(PendingRequest request) => new(RequestFault.TimedOut, string.Create(CultureInfo.InvariantCulture,
        $"Model '{_model}': the request is {Stopwatch.GetElapsedTime(request.ArrivedAt).TotalMilliseconds:0.0} ms old and cannot be answered within its time-out. Send fewer at once, or allow more time."));

    private void Remove(PendingRequest request)
    {
        _queue.Remove(request.Place!);
        request.Place = null;
        _waitingRows -= request.Rows;
        _statistics.Waiting(-1);
    }
}
