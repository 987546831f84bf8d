namespace Pith.Serving;

/// <summary>How requests of one model wait and are put together.</summary>
internal sealed record BatchingPolicy
{
    /// <summary>Rows of the largest batch that is made of several requests; 1 when requests run alone.</summary>
    public required int LargestBatch { get; init; }

    /// <summary>Batches to run as soon as there are as many rows, ascending; empty for none.</summary>
    public IReadOnlyList<int> Preferred { get; init; } = [];

    /// <summary>How long the first of a batch may wait for others.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Requests that may wait; one more is refused.</summary>
    public int QueueLimit { get; init; } = 128;

    /// <summary>How long a request may take from its arrival to its answer; null for as long as it takes.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Whether a request may ask for a shorter time than <see cref="Timeout"/>.</summary>
    public bool AllowTimeoutOverride { get; init; } = true;

    /// <summary>Whether the thread that brings a request may run it when nothing else waits. Not when instances are bound to processors of their own.</summary>
    public bool LendsInstances { get; init; } = true;

    /// <summary>Instances of one thread each, which run while there are requests of one row for all of them; 0 for none.</summary>
    public int Lanes { get; init; }

    /// <summary>The rows to take now when <paramref name="waiting"/> rows wait; 0 to wait for more until the delay is over.</summary>
    public int Target(int waiting, bool isDelayOver)
    {
        if (waiting >= LargestBatch) return LargestBatch;
        for (var i = Preferred.Count - 1; i >= 0; i--)
            if (Preferred[i] <= waiting) return Preferred[i];
        return isDelayOver ? LargestBatch : 0;
    }
}
