using System.Diagnostics;

namespace Pith.Serving;

/// <summary>
/// Finds out whether a network answers more requests when each thread runs one by itself than when all threads run a batch. Nearly all do: threads that work on one layer wait for each other at its end, the
/// more so the more often the system takes a processor away from one of them to receive the next request. Networks whose weights come from memory again for every run do not. Results are the same bits
/// either way, so the choice may be made by timing.
/// </summary>
internal static class LaneProbe
{
    private const int MostLanes = 8;
    private const int Rounds = 5;

    // Loading should not take much longer for it.
    private const double MostSeconds = 0.5;

    // A lane takes a request as many times longer as there are threads; where that is much, latency counts for more.
    private static readonly TimeSpan s_longestRun = TimeSpan.FromMilliseconds(100);

    /// <summary>Whether lanes are worth trying: one instance that the configuration says nothing else about, and requests of one row.</summary>
    public static bool CanHaveLanes(ModelSignature signature, BatchingPolicy policy, int instances, int threads) =>
        instances == 1 && threads is > 1 and <= MostLanes && policy.LendsInstances && policy.Delay == TimeSpan.Zero && policy.Preferred.Count == 0 && (signature.TakesAnyBatch ? signature.MinBatch == 1 : signature.MaxBatch == 1);

    /// <summary>Whether the lanes answer more rows in a second.</summary>
    /// <param name="signature">The engine's inputs and outputs.</param>
    /// <param name="contexts">The context of all threads, then the lanes'. All have been run, or run here for the first time.</param>
    /// <param name="largestBatch">Rows of the largest batch of several requests.</param>
    public static bool LanesAreFaster(ModelSignature signature, IReadOnlyList<EngineContext> contexts, int largestBatch)
    {
        var begin = Stopwatch.GetTimestamp();
        var team = contexts[0];
        var lanes = contexts.Skip(1).ToArray();
        team.Run(1);
        if (Stopwatch.GetElapsedTime(begin) > s_longestRun) return false;
        // The same rows for both.
        var rows = (largestBatch + lanes.Length - 1) / lanes.Length;
        var (teamRate, laneRate) = (0.0, 0.0);
        for (var round = 0; round < Rounds && (round == 0 || Stopwatch.GetElapsedTime(begin).TotalSeconds < MostSeconds); round++)
        {
            teamRate = Math.Max(teamRate, largestBatch / Seconds(() => team.Run(largestBatch)));
            laneRate = Math.Max(laneRate, LaneRate(lanes, rows));
        }
        return laneRate > teamRate;
    }

    // Each lane counts its own time, while all of them run.
    private static double LaneRate(EngineContext[] lanes, int rows)
    {
        var rates = new double[lanes.Length];
        var hasFailed = false;
        using var start = new Barrier(lanes.Length);
        var threads = lanes.Select((lane, i) => new Thread(() =>
        {
            try
            {
                // The first run touches all memory.
                lane.Run(1);
                start.SignalAndWait();
                rates[i] = rows / Seconds(() => Repeat(lane, rows));
            }
            catch (PithException)
            {
                // What the memory holds is no input for this network.
                hasFailed = true;
                start.RemoveParticipant();
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        return hasFailed ? 0 : rates.Sum();
    }

    private static void Repeat(EngineContext lane, int times)
    {
        for (var i = 0; i < times; i++) lane.Run(1);
    }

    private static double Seconds(Action run)
    {
        var begin = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }
}
