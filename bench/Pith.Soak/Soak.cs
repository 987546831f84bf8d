using System.Diagnostics;
using System.Globalization;

namespace Pith.Soak;

/// <summary>
/// Four threads load plans, make contexts with random threads, run random batches, compare every answer bit for bit, and dispose contexts and engines in either order or forget them. After each round all of
/// them pause: first with contexts that exist and do nothing, where the process must be idle, then with nothing left, where memory, threads and handles are counted.
/// </summary>
internal sealed class Soak(IReadOnlyList<Workload> workloads, TimeSpan duration, int seed) : IDisposable
{
    private const int Users = 4, MostThreads = 3;

    // What may come and go by itself: threads of the runtime, pages that its heap keeps.
    private const int ThreadTolerance = 4, HandleTolerance = 8;
    private const double MemoryTolerance = 0.05, LeastMemoryTolerance = 12 << 20;
    private const double MostIdleCpu = 0.05;

    private static readonly TimeSpan s_settling = TimeSpan.FromMilliseconds(100), s_idle = TimeSpan.FromMilliseconds(300);

    private readonly Barrier _barrier = new(Users + 1);
    private readonly Lock _gate = new();
    private readonly List<string> _failures = [];
    private long _roundEnd;
    private long _runs;
    private bool _isOver;

    /// <summary>Runs and writes a line for each round and the verdict.</summary>
    /// <returns>Whether nothing grew, went on working or went wrong.</returns>
    public bool Run(TextWriter output)
    {
        // At least a dozen rounds, so that what is judged is a trend.
        var round = TimeSpan.FromSeconds(Math.Clamp(duration.TotalSeconds / 12, 0.3, 30));
        var begin = Stopwatch.StartNew();
        var users = Enumerable.Range(0, Users).Select(user => new Thread(() => Use(new Random(seed * Users + user))) { Name = $"soak {user}" }).ToArray();
        SetRoundEnd(round);
        foreach (var user in users) user.Start();
        var samples = new List<Sample>();
        output.WriteLine(Sample.Header);
        while (!_isOver)
        {
            // Contexts exist and are idle.
            _barrier.SignalAndWait();
            var idle = IdleCpu();
            _barrier.SignalAndWait();
            // Nothing exists.
            _barrier.SignalAndWait();
            samples.Add(Sample.Take(begin.Elapsed.TotalSeconds, Interlocked.Read(ref _runs), idle));
            output.WriteLine(samples[^1]);
            _isOver = begin.Elapsed >= duration || _failures.Count > 0;
            SetRoundEnd(round);
            _barrier.SignalAndWait();
        }
        foreach (var user in users) user.Join();
        var findings = Judge(samples).Concat(_failures).ToArray();
        foreach (var finding in findings) output.WriteLine($"FAILED: {finding}");
        if (findings.Length == 0) output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"PASSED: {_runs} runs in {begin.Elapsed.TotalMinutes:F1} minutes; no growth of memory, threads or handles, idle when idle, every answer the same."));
        return findings.Length == 0;
    }

    public void Dispose() => _barrier.Dispose();

    private void SetRoundEnd(TimeSpan round) => Volatile.Write(ref _roundEnd, Stopwatch.GetTimestamp() + (long)(round.TotalSeconds * Stopwatch.Frequency));

    private static double IdleCpu()
    {
        // Workers spin for a moment before they sleep.
        Thread.Sleep(s_settling);
        using var process = Process.GetCurrentProcess();
        var (before, begin) = (process.TotalProcessorTime, Stopwatch.GetTimestamp());
        Thread.Sleep(s_idle);
        process.Refresh();
        return (process.TotalProcessorTime - before) / Stopwatch.GetElapsedTime(begin);
    }

    private void Use(Random random)
    {
        do
        {
            var held = new List<(Engine Engine, EngineContext Context)>();
            while (Stopwatch.GetTimestamp() < Volatile.Read(ref _roundEnd))
            {
                try
                {
                    UseOnce(random, held);
                }
                catch (Exception failure)
                {
                    Fail(failure.ToString());
                    break;
                }
            }
            _barrier.SignalAndWait();
            _barrier.SignalAndWait();
            while (held.Count > 0) Leave(held, random);
            _barrier.SignalAndWait();
            _barrier.SignalAndWait();
        }
        while (!_isOver);
    }

    private void UseOnce(Random random, List<(Engine Engine, EngineContext Context)> held)
    {
        var workload = workloads[random.Next(workloads.Count)];
        var engine = Engine.Load(workload.Path);
        var context = engine.CreateContext(random.Next(1, MostThreads + 1));
        held.Add((engine, context));
        Workload.Fill(context);
        for (var runs = random.Next(1, 60); runs > 0; runs--)
        {
            var batch = random.Next(1, engine.MaxBatch + 1);
            if (workload.Answers[batch - 1] == 0) continue;
            context.Run(batch);
            Interlocked.Increment(ref _runs);
            if (Workload.Answer(context) != workload.Answers[batch - 1]) Fail($"{Path.GetFileName(workload.Path)} at batch {batch} on {context.Threads} threads gave another answer than at first.");
            // Gaps in which workers go to sleep, or are about to.
            if (random.Next(4) == 0) Thread.SpinWait(random.Next(4000));
        }
        if (held.Count > random.Next(3)) Leave(held, random);
    }

    // In either order; now and then by the garbage collector.
    private static void Leave(List<(Engine Engine, EngineContext Context)> held, Random random)
    {
        var (engine, context) = held[0];
        held.RemoveAt(0);
        switch (random.Next(10))
        {
            case 0: break;
            case < 5:
                engine.Dispose();
                context.Dispose();
                break;
            default:
                context.Dispose();
                engine.Dispose();
                break;
        }
    }

    private void Fail(string what)
    {
        lock (_gate) _failures.Add(what);
    }

    // The last third of the rounds against the middle third; the first is warm-up.
    private static IEnumerable<string> Judge(List<Sample> samples)
    {
        var third = samples.Count / 3;
        if (third < 2)
        {
            yield return $"{samples.Count} rounds are too few to judge; run for longer.";
            yield break;
        }
        var (before, after) = (samples[third..^third], samples[^third..]);
        foreach (var (name, value, tolerance) in ((string, Func<Sample, double>, Func<double, double>)[])[
            ("resident bytes", sample => sample.ResidentBytes, bytes => Math.Max(bytes * MemoryTolerance, LeastMemoryTolerance)),
            ("managed bytes", sample => sample.ManagedBytes, bytes => Math.Max(bytes * MemoryTolerance, LeastMemoryTolerance / 4)),
            ("threads", sample => sample.Threads, _ => ThreadTolerance),
            ("handles", sample => sample.Handles, _ => HandleTolerance)])
        {
            var (was, now) = (Median(before, value), Median(after, value));
            if (now > was + tolerance(was)) yield return string.Create(CultureInfo.InvariantCulture, $"{name} grew from {was:F0} to {now:F0} (medians of the middle and last third of the rounds).");
        }
        if (Median(samples, sample => sample.IdleCpu) is var idle and > MostIdleCpu) yield return string.Create(CultureInfo.InvariantCulture, $"{idle:P1} of a processor is used when nothing is to do.");
    }

    private static double Median(List<Sample> samples, Func<Sample, double> value) => samples.Select(value).Order().ElementAt(samples.Count / 2);
}
