namespace Pith.Serving;

/// <summary>A running estimate of a time and of how much it varies, kept as TCP keeps that of a round trip (RFC 6298, section 2). Not thread-safe.</summary>
internal struct TimeEstimate
{
    // Most times are below the mean plus as many mean deviations.
    private const double DeviationsAbove = 2;

    private double _mean;
    private double _deviation;

    /// <summary>A time that most are within, in ticks; 0 when none was seen.</summary>
    public readonly long Ticks => (long)(_mean + DeviationsAbove * _deviation);

    /// <summary>Adds a time that was measured, in ticks.</summary>
    public void Add(long ticks)
    {
        if (_mean == 0)
        {
            _mean = Math.Max(1, ticks);
            return;
        }
        _deviation += (Math.Abs(ticks - _mean) - _deviation) / 4;
        _mean += (ticks - _mean) / 8;
    }
}

/// <summary>Predicts how long a run of the network takes, by the rows of its batch, from the runs before. Not thread-safe.</summary>
/// <param name="largestBatch">Rows of the largest batch of several requests.</param>
internal sealed class RunTimes(int largestBatch)
{
    private readonly TimeEstimate[] _byRows = new TimeEstimate[largestBatch + 1];

    /// <summary>A time that most runs of as many rows are within, in ticks; 0 when nothing is known. Rows beyond the largest batch are split into runs of it.</summary>
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
