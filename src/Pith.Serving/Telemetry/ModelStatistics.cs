using System.Diagnostics;

namespace Pith.Serving;

/// <summary>Why a request failed, as the metrics group failures.</summary>
internal enum FailureReason
{
    /// <summary>The queue was full.</summary>
    Rejected,

    /// <summary>The caller went away.</summary>
    Canceled,

    /// <summary>The network could not be run.</summary>
    Backend,

    /// <summary>Anything else: waited too long, or a request that does not fit the model.</summary>
    Other,
}

/// <summary>A count and the time that it took in all.</summary>
internal sealed class DurationCounter
{
    private long _count;
    private long _nanoseconds;

    public long Count => Interlocked.Read(ref _count);

    public long Nanoseconds => Interlocked.Read(ref _nanoseconds);

    /// <param name="count">How many took this time each.</param>
    /// <param name="ticks">Ticks of <see cref="Stopwatch"/>, of one.</param>
    public void Add(long count, long ticks)
    {
        Interlocked.Add(ref _count, count);
        Interlocked.Add(ref _nanoseconds, count * (long)(ticks * (1e9 / Stopwatch.Frequency)));
    }
}

/// <summary>What one execution took, in ticks of <see cref="Stopwatch"/>.</summary>
internal readonly record struct ExecutionTimes(long Input, long Infer, long Output);

/// <summary>What happened to one version of a model since the server started, reloads included. Thread-safe.</summary>
internal sealed class ModelStatistics(string model, long version)
{
    private readonly DurationCounter[] _failures = [.. Enum.GetValues<FailureReason>().Select(_ => new DurationCounter())];
    private readonly SortedDictionary<int, BatchCounters> _batches = [];
    private readonly Lock _gate = new();
    private long _inferences;
    private long _executions;
    private long _lastInference;
    private long _pending;

    public string Model { get; } = model;

    public long Version { get; } = version;

    public DurationCounter Success { get; } = new();

    public DurationCounter Queue { get; } = new();

    public DurationCounter ComputeInput { get; } = new();

    public DurationCounter ComputeInfer { get; } = new();

    public DurationCounter ComputeOutput { get; } = new();

    /// <summary>Rows that were answered.</summary>
    public long Inferences => Interlocked.Read(ref _inferences);

    /// <summary>Runs of the network; fewer than <see cref="Inferences"/> when requests were batched.</summary>
    public long Executions => Interlocked.Read(ref _executions);

    /// <summary>When the last request came, in milliseconds since 1970; 0 for never.</summary>
    public long LastInferenceMilliseconds => Interlocked.Read(ref _lastInference);

    /// <summary>Requests that wait for an instance.</summary>
    public long Pending => Interlocked.Read(ref _pending);

    public DurationCounter Failed(FailureReason reason) => _failures[(int)reason];

    public (long Count, long Nanoseconds) AllFailures => (_failures.Sum(failure => failure.Count), _failures.Sum(failure => failure.Nanoseconds));

    /// <summary>The executions by batch size.</summary>
    public IReadOnlyList<(int Size, BatchCounters Counters)> Batches
    {
        get
        {
            lock (_gate) return [.. _batches.Select(batch => (batch.Key, batch.Value))];
        }
    }

    public void Waiting(int change) => Interlocked.Add(ref _pending, change);

    /// <summary>Counts one run of the network.</summary>
    /// <param name="requests">Requests that it answered.</param>
    /// <param name="rows">Rows that these had.</param>
    /// <param name="times">What it took; each of the requests took all of it.</param>
    public void Executed(int requests, int rows, ExecutionTimes times)
    {
        Interlocked.Increment(ref _executions);
        Interlocked.Add(ref _inferences, rows);
        Interlocked.Exchange(ref _lastInference, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        ComputeInput.Add(requests, times.Input);
        ComputeInfer.Add(requests, times.Infer);
        ComputeOutput.Add(requests, times.Output);
        BatchCounters? batch;
        lock (_gate)
            if (!_batches.TryGetValue(rows, out batch)) _batches.Add(rows, batch = new BatchCounters());
        batch.Input.Add(1, times.Input);
        batch.Infer.Add(1, times.Infer);
        batch.Output.Add(1, times.Output);
    }

    /// <summary>Executions of one batch size.</summary>
    internal sealed class BatchCounters
    {
        public DurationCounter Input { get; } = new();

        public DurationCounter Infer { get; } = new();

        public DurationCounter Output { get; } = new();
    }
}
