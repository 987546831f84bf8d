namespace Pith.Serving;

/// <summary>A running mean of times, in ticks. One that is much longer counts as four times the mean: a machine that stood still for a moment says nothing about the next run. Not thread-safe.</summary>
internal struct MeanTime
{
    private double _mean;

    /// <summary>The mean; 0 when no time was seen.</summary>
    public readonly long Ticks => (long)_mean;

    /// <summary>Adds a time that was measured.</summary>
    public void Add(long ticks) => _mean = _mean == 0 ? Math.Max(1, ticks) : _mean + (Math.Min(ticks, 4 * _mean) - _mean) / 8;
}

/// <summary>Predicts how long a run of the network takes, by the rows of its batch, from the runs before. Not thread-safe.</summary>
/// <param name="largestBatch">Rows of the largest batch of several requests.</param>
internal sealed class RunTimes(int largestBatch)
{
    private readonly MeanTime[] _byRows = new MeanTime[largestBatch + 1];

    /// <summary>The time of a run of as many rows, in ticks; 0 when nothing is known. Rows beyond the largest batch are split into runs of it.</summary>
    public long Of(int rows)
    {
        var (whole, rest) = Math.DivRem(rows, largestBatch);
        return whole * OneRun(largestBatch) + (rest == 0 ? 0 : OneRun(rest));
    }

    /// <summary>Adds the time of a run.</summary>
    public void Add(int rows, long ticks)
    {
        // A single request may be larger than a shared batch.
        if (rows > largestBatch) (rows, ticks) = (largestBatch, ticks * largestBatch / rows);
        _byRows[rows].Add(ticks);
    }

    // A batch that was never run takes no longer than a larger one, and no longer for each row than a smaller one.
    private long OneRun(int rows)
    {
        for (var larger = rows; larger <= largestBatch; larger++)
            if (_byRows[larger].Ticks is var ticks and > 0) return ticks;
        for (var smaller = rows - 1; smaller > 0; smaller--)
            if (_byRows[smaller].Ticks is var ticks and > 0) return ticks * rows / smaller;
        return 0;
    }
}
