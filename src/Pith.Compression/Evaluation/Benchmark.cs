using System.Diagnostics;

namespace Pith.Compression;

/// <summary>
/// Times engines. Several engines are timed in turn, one run each, round after round, so that a change of the machine's speed meets all of them alike;
/// that is the only way in which a ratio between two engines means something on a shared machine.
/// </summary>
public static class Benchmark
{
    // A run of a large network can take seconds; more rounds than this tell nothing new.
    private const int MaxRuns = 100_000;

    /// <summary>Times <paramref name="contexts"/> in turn at their engines' largest batch.</summary>
    /// <param name="contexts">The engines to time; their inputs are filled with seeded noise.</param>
    /// <param name="settings">Seconds (for each engine), warm-up and fewest runs.</param>
    /// <param name="task">What the progress bar says.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/> in milliseconds.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    /// <returns>One result per context, in the same order.</returns>
    public static IReadOnlyList<BenchmarkResult> Run(IReadOnlyList<ExecutionContext> contexts, BenchmarkSettings settings, string task = "benchmark", IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Check();
        foreach (var context in contexts) FillInputs(context);
        foreach (var context in contexts) WarmUp(context, settings.WarmUpSeconds, cancellation);

        var times = contexts.Select(_ => new List<double>()).ToArray();
        var total = settings.Seconds * contexts.Count;
        var clock = Stopwatch.StartNew();
        while ((clock.Elapsed.TotalSeconds < total || times[0].Count < settings.MinRuns) && times[0].Count < MaxRuns)
        {
            for (var i = 0; i < contexts.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                times[i].Add(Time(contexts[i]));
            }
            if (clock.Elapsed.TotalSeconds < total) events?.Report(new ProgressMade(task, (long)(1e3 * clock.Elapsed.TotalSeconds), (long)(1e3 * total)));
        }
        events?.Report(new ProgressMade(task, (long)(1e3 * total), (long)(1e3 * total)));
        return [.. contexts.Select((context, i) => new BenchmarkResult(context.Engine.MaxBatch, LatencyStatistics.Of([.. times[i]])))];
    }

    private static void WarmUp(ExecutionContext context, double seconds, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        do
        {
            cancellation.ThrowIfCancellationRequested();
            context.Run();
        }
        while (clock.Elapsed.TotalSeconds < seconds);
    }

    private static double Time(ExecutionContext context)
    {
        var start = Stopwatch.GetTimestamp();
        context.Run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void FillInputs(ExecutionContext context)
    {
        var random = new Random(1);
        foreach (var (name, type) in context.Engine.Inputs)
        {
            if (type.DataType != DataType.Float32) continue;
            foreach (ref var x in context.Input<float>(name)) x = random.NextSingle() * 4 - 2;
        }
    }
}
