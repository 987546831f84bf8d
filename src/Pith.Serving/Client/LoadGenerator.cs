using System.Diagnostics;
using Pith.Benchmarking;

namespace Pith.Serving;

/// <summary>What a load did.</summary>
/// <param name="Concurrency">Requests under way at a time; null for a rate.</param>
/// <param name="RequestRate">Requests begun in a second; null for a concurrency.</param>
/// <param name="Batch">Rows of each request.</param>
/// <param name="Seconds">How long it was measured.</param>
/// <param name="Answered">Requests that were answered.</param>
/// <param name="Refused">Requests that the server refused.</param>
/// <param name="Failed">Requests that failed otherwise.</param>
/// <param name="Reason">Why the first that was not answered was not; empty when all were.</param>
/// <param name="Latency">Times from when a request was sent, or with a rate should have been sent, to its answer; null when none was answered.</param>
/// <param name="Server">What the server counted meanwhile.</param>
internal sealed record LoadResult(int? Concurrency, double? RequestRate, int Batch, double Seconds, long Answered, long Refused, long Failed, string Reason, LatencyStatistics? Latency, RemoteStatistics Server)
{
    /// <summary>Rows answered in a second.</summary>
    public double InferencesPerSecond => Answered * Batch / Seconds;
}

/// <summary>Sends a prepared request again and again: a number at a time, or at a rate whatever becomes of them.</summary>
/// <param name="client">The client, prepared.</param>
/// <param name="batch">Rows of its request.</param>
/// <param name="warmUp">Time before it is measured.</param>
/// <param name="duration">Time that is measured.</param>
internal sealed class LoadGenerator(LoadClient client, int batch, TimeSpan warmUp, TimeSpan duration)
{
    // A server that answers nothing must not fill this process with requests.
    private const int MostUnderWay = 4096;

    /// <summary>Keeps a number of requests under way: each of as many callers sends its next one when it has its answer.</summary>
    public async Task<LoadResult> KeepAsync(int concurrency, CancellationToken cancellation)
    {
        var tallies = new Tally[concurrency];
        var begin = Stopwatch.GetTimestamp() + Ticks(warmUp);
        var end = begin + Ticks(duration);
        var before = StatisticsAtAsync(begin, cancellation);
        await Task.WhenAll(tallies.Select((_, i) => Task.Run(async () => tallies[i] = await CallAsync(begin, end, cancellation).ConfigureAwait(false), cancellation))).ConfigureAwait(false);
        return await ResultAsync(concurrency, null, tallies, await before.ConfigureAwait(false), cancellation).ConfigureAwait(false);
    }

    /// <summary>Begins requests at a rate. Latency counts from when a request should have begun, so that a client that falls behind does not hide what a caller would have waited.</summary>
    /// <param name="rate">Requests in a second.</param>
    /// <param name="seed">The seed of random intervals (a Poisson process); null for equal ones.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task<LoadResult> BeginAtRateAsync(double rate, int? seed, CancellationToken cancellation)
    {
        var random = seed is { } given ? new Random(given) : null;
        var tally = new Tally();
        var underWay = 0;
        var done = new List<Task>();
        var start = Stopwatch.GetTimestamp();
        var begin = start + Ticks(warmUp);
        var end = begin + Ticks(duration);
        var before = StatisticsAtAsync(begin, cancellation);
        var interval = Stopwatch.Frequency / rate;
        for (double due = start; due < end; due += random is null ? interval : -Math.Log(1 - random.NextDouble()) * interval)
        {
            cancellation.ThrowIfCancellationRequested();
            await UntilAsync((long)due, cancellation).ConfigureAwait(false);
            if (Volatile.Read(ref underWay) >= MostUnderWay)
            {
                lock (tally) tally.Add(Outcome.Failed, $"more than {MostUnderWay} requests were under way", 0, due >= begin);
                continue;
            }
            Interlocked.Increment(ref underWay);
            done.RemoveAll(task => task.IsCompletedSuccessfully);
            done.Add(SendOneAsync((long)due));
        }
        await Task.WhenAll(done).ConfigureAwait(false);
        return await ResultAsync(null, rate, [tally], await before.ConfigureAwait(false), cancellation).ConfigureAwait(false);

        async Task SendOneAsync(long due)
        {
            await Task.Yield();
            var (outcome, reason) = await client.SendAsync(cancellation).ConfigureAwait(false);
            var now = Stopwatch.GetTimestamp();
            Interlocked.Decrement(ref underWay);
            lock (tally) tally.Add(outcome, reason, now - due, due >= begin);
        }
    }

    private static long Ticks(TimeSpan time) => (long)(time.TotalSeconds * Stopwatch.Frequency);

    private static async Task UntilAsync(long due, CancellationToken cancellation)
    {
        // Delays are of whole milliseconds, about: the rest is yielded away.
        while (due - Stopwatch.GetTimestamp() is var left and > 0)
        {
            if (left > Stopwatch.Frequency / 500) await Task.Delay(TimeSpan.FromSeconds((double)left / Stopwatch.Frequency - 0.0015), cancellation).ConfigureAwait(false);
            else Thread.Yield();
        }
    }

    private async Task<RemoteStatistics> StatisticsAtAsync(long begin, CancellationToken cancellation)
    {
        await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, (double)(begin - Stopwatch.GetTimestamp()) / Stopwatch.Frequency)), cancellation).ConfigureAwait(false);
        return await client.StatisticsAsync(cancellation).ConfigureAwait(false);
    }

    private async Task<Tally> CallAsync(long begin, long end, CancellationToken cancellation)
    {
        var tally = new Tally();
        while (Stopwatch.GetTimestamp() is var sent && sent < end)
        {
            var (outcome, reason) = await client.SendAsync(cancellation).ConfigureAwait(false);
            tally.Add(outcome, reason, Stopwatch.GetTimestamp() - sent, sent >= begin);
            // A caller that is refused comes back after a moment, as any real one does.
            if (outcome != Outcome.Answered) await Task.Delay(1, cancellation).ConfigureAwait(false);
        }
        return tally;
    }

    private async Task<LoadResult> ResultAsync(int? concurrency, double? rate, IReadOnlyList<Tally> tallies, RemoteStatistics before, CancellationToken cancellation)
    {
        double[] seconds = [.. tallies.SelectMany(tally => tally.Latencies).Select(ticks => (double)ticks / Stopwatch.Frequency)];
        var server = (await client.StatisticsAsync(cancellation).ConfigureAwait(false)).Since(before);
        return new LoadResult(
            concurrency, rate, batch, duration.TotalSeconds, seconds.Length, tallies.Sum(tally => tally.Refused), tallies.Sum(tally => tally.Failed),
            tallies.Select(tally => tally.Reason).FirstOrDefault(reason => reason.Length > 0) ?? "", seconds.Length == 0 ? null : LatencyStatistics.Of(seconds), server);
    }

    private sealed class Tally
    {
        public List<long> Latencies { get; } = [];

        public long Refused { get; private set; }

        public long Failed { get; private set; }

        public string Reason { get; private set; } = "";

        public void Add(Outcome outcome, string reason, long ticks, bool isMeasured)
        {
            if (!isMeasured) return;
            if (outcome == Outcome.Answered) Latencies.Add(ticks);
            else if (outcome == Outcome.Refused) Refused++;
            else Failed++;
            if (Reason.Length == 0) Reason = reason;
        }
    }
}
