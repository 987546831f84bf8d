using System.Diagnostics;

namespace Pith.Benchmarking;

/// <summary>
/// Times targets. Several targets are timed in turn, round after round, so that a change of the machine's speed meets all of them alike;
/// that is the only way in which a ratio between two of them means something on a shared machine.
/// </summary>
public sealed class Benchmark
{
    // More samples than this tell nothing new and only take memory.
    private const int MaxRuns = 1_000_000;

    // Of targets whose threads disturb each other: long enough that most of the time is measured, short enough for dozens of rounds.
    private const double BlockSeconds = 0.15;
    private const int LeastRunsOfBlock = 3;

    private readonly IReadOnlyList<BenchmarkTarget> _targets;
    private readonly BenchmarkSettings _settings;
    private readonly Action<double> _progress;
    private readonly CancellationToken _cancellation;
    private readonly List<BenchmarkSample>[] _samples;
    private readonly Stopwatch _clock = new();

    private Benchmark(IReadOnlyList<BenchmarkTarget> targets, BenchmarkSettings settings, Action<double> progress, CancellationToken cancellation)
    {
        _targets = targets;
        _settings = settings;
        _progress = progress;
        _cancellation = cancellation;
        _samples = [.. targets.Select(_ => new List<BenchmarkSample>())];
    }

    /// <summary>Times <paramref name="contexts"/> of different engines in turn, at their engines' largest batch, on seeded noise. See <see cref="Run(IReadOnlyList{BenchmarkTarget}, BenchmarkSettings, string, IProgress{PithEvent}?, CancellationToken)"/>.</summary>
    public static IReadOnlyList<BenchmarkResult> Run(IReadOnlyList<EngineContext> contexts, BenchmarkSettings settings, string task = "benchmark", IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        return Run([.. contexts.Select(context => BenchmarkTarget.Of(context))], settings, task, events, cancellation);
    }

    /// <summary>Times <paramref name="targets"/> in turn.</summary>
    /// <param name="targets">What to time.</param>
    /// <param name="settings">Seconds (for each target), warm-up and fewest runs.</param>
    /// <param name="task">What the progress bar says.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/> in milliseconds.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    /// <returns>One result per target, in the same order.</returns>
    public static IReadOnlyList<BenchmarkResult> Run(IReadOnlyList<BenchmarkTarget> targets, BenchmarkSettings settings, string task = "benchmark", IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentNullException.ThrowIfNull(settings);
        settings.Check();
        var total = settings.Seconds * targets.Count;
        void Report(double seconds) => events?.Report(new ProgressMade(task, (long)(1e3 * seconds), (long)(1e3 * total)));

        // The last step is reported once, at the end, also when runs go on beyond the time.
        var benchmark = new Benchmark(targets, settings, seconds => { if (seconds < total) Report(seconds); }, cancellation);
        foreach (var target in targets) benchmark.RunBlock(target, new Block(0, settings.WarmUpSeconds, 0, 0), []);
        benchmark.TimeInTurn(total);
        Report(total);
        return [.. targets.Select((target, i) => new BenchmarkResult(target.Batch, target.Streams.Count, benchmark._samples[i]))];
    }

    /// <summary>A stretch of runs of one target.</summary>
    /// <param name="Index">The round.</param>
    /// <param name="SettleSeconds">First come runs that do not count: at least one, then for as long as this. Null when the first run counts.</param>
    /// <param name="Seconds">Runs are counted until this time and the least number are reached.</param>
    /// <param name="LeastRuns">The least number of runs that count.</param>
    private readonly record struct Block(int Index, double? SettleSeconds, double Seconds, int LeastRuns);

    private void TimeInTurn(double total)
    {
        // One target has nobody to take turns with. Two whose threads sleep between runs take turns run by run. Else a block begins when the others' threads have come to rest.
        var isAlone = _targets.Count == 1;
        var isRunByRun = _targets.All(target => target is { Streams.Count: 1, LingersSeconds: 0 });
        var settle = _targets.Max(target => target.LingersSeconds);
        _clock.Start();
        for (var index = 0; index == 0 || ((_clock.Elapsed.TotalSeconds < total || _samples.Any(samples => samples.Count < _settings.MinRuns)) && _samples[0].Count < MaxRuns); index++)
        {
            var block = isAlone ? new Block(index, null, total, _settings.MinRuns) : isRunByRun ? new Block(index, null, 0, 1) : new Block(index, settle, BlockSeconds, LeastRunsOfBlock);
            for (var i = 0; i < _targets.Count; i++) RunBlock(_targets[i], block, _samples[i]);
        }
    }

    private void RunBlock(BenchmarkTarget target, Block block, List<BenchmarkSample> samples)
    {
        if (target.Streams.Count == 1)
        {
            RunStream(target, 0, block, samples);
            return;
        }
        // Streams begin together; a block is long against the moment at its end when some have stopped already.
        using var start = new Barrier(target.Streams.Count);
        var streams = target.Streams.Select((_, stream) => Task.Factory.StartNew(
            () =>
            {
                var own = new List<BenchmarkSample>();
                start.SignalAndWait(CancellationToken.None);
                RunStream(target, stream, block, own);
                return own;
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)).ToArray();
        foreach (var stream in streams) stream.ContinueWith(_ => { }, TaskScheduler.Default).Wait(CancellationToken.None);
        foreach (var stream in streams) samples.AddRange(stream.GetAwaiter().GetResult());
    }

    private void RunStream(BenchmarkTarget target, int stream, Block block, List<BenchmarkSample> samples)
    {
        var query = target.Streams[stream];
        if (block.SettleSeconds is { } settle) Settle(query, settle);
        var begin = Stopwatch.GetTimestamp();
        for (var runs = 0; runs < MaxRuns && (runs < block.LeastRuns || Stopwatch.GetElapsedTime(begin).TotalSeconds < block.Seconds); runs++)
        {
            _cancellation.ThrowIfCancellationRequested();
            var started = _clock.Elapsed.TotalSeconds;
            var start = Stopwatch.GetTimestamp();
            query.Run();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            samples.Add(new BenchmarkSample(block.Index, stream, started, seconds));
            if (stream == 0) _progress(started + seconds);
        }
    }

    private void Settle(IQuery query, double seconds)
    {
        var begin = Stopwatch.GetTimestamp();
        do
        {
            _cancellation.ThrowIfCancellationRequested();
            query.Run();
        }
        while (Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds);
    }
}
