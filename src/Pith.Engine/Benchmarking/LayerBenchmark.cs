using System.Diagnostics;
using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith.Benchmarking;

/// <summary>Times every tactic that accepts one layer, in turn.</summary>
public static class LayerBenchmark
{
    /// <summary>Builds the layer alone and times it on seeded random operands.</summary>
    /// <param name="text">A layer specification; see <see cref="LayerSpec"/>.</param>
    /// <param name="settings">Seconds for each tactic, warm-up, fewest runs.</param>
    /// <param name="threads">Threads; 0 means one per processor.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/> in milliseconds.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    /// <exception cref="PithException">The layer cannot be built.</exception>
    public static LayerBenchmarkResult Run(string text, BenchmarkSettings settings, int threads, IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        settings.Check();
        var (network, layer) = LayerNetwork.Lower(text);
        var device = EngineBuilder.DeviceFor(new EngineOptions { Threads = threads });
        var verdicts = device.TacticsFor(layer).Select(tactic => (Tactic: tactic, Verdict: tactic.Accept(layer, device))).ToArray();
        using var pool = new WorkerPool(device.Threads);
        var timed = new List<Candidate>();
        try
        {
            foreach (var (tactic, verdict) in verdicts)
                if (verdict.Accepted) timed.Add(new Candidate(tactic, layer, network, device, pool));
            Time(timed, settings, events, cancellation);
            var macs = layer.Macs * network.Shapes.MaxBatch;
            return new LayerBenchmarkResult(layer.SpecAt(network.Shapes.MaxBatch), device.Features, device.Threads, macs, Peak(layer.Precision), [.. verdicts.Select(entry => Timing(entry.Tactic, entry.Verdict))]);

            double Peak(string precision) => PeakRate.MacsPerSecond(device, precision, device.Threads);
            TacticTiming Timing(Tactic tactic, Verdict verdict) => timed.Find(candidate => candidate.Tactic == tactic) is { } candidate
                ? TacticTiming.Of(tactic.Name, LatencyStatistics.Of([.. candidate.Times]), macs, Peak(tactic.Precision(layer)))
                : new TacticTiming(tactic.Name, verdict.Reason);
        }
        finally
        {
            foreach (var candidate in timed) candidate.Dispose();
        }
    }

    // The next to run is always the one that has had the least time: fast tactics alternate, and a slow one gets its share and not more.
    private static void Time(List<Candidate> timed, BenchmarkSettings settings, IProgress<PithEvent>? events, CancellationToken cancellation)
    {
        const string Task = "benchmark";
        foreach (var candidate in timed) candidate.WarmUp(settings.WarmUpSeconds);
        var total = settings.Seconds * timed.Count;
        for (var spent = 0.0; spent < total || timed.Any(candidate => candidate.Times.Count < candidate.LeastRuns(settings));)
        {
            cancellation.ThrowIfCancellationRequested();
            var hungriest = spent < total ? timed : timed.Where(candidate => candidate.Times.Count < candidate.LeastRuns(settings));
            spent += hungriest.MinBy(candidate => candidate.Seconds)!.Time();
            if (spent < total) events?.Report(new ProgressMade(Task, (long)(1e3 * spent), (long)(1e3 * total)));
        }
        events?.Report(new ProgressMade(Task, (long)(1e3 * total), (long)(1e3 * total)));
    }

    private sealed class Candidate : IDisposable
    {
        private readonly LayerRun _run;

        public Candidate(Tactic tactic, ContractionLayer layer, LoweredNetwork network, Device device, WorkerPool pool)
        {
            Tactic = tactic;
            _run = new LayerRun(tactic, layer, network, network.Shapes.MaxBatch, network.Shapes.MaxBatch, device, pool);
            foreach (var slot in (Slot?[])[layer.Input, layer.Residual])
                if (slot is not null) _run.Write(slot, Noise(slot.DataType, slot.Shape.At(network.Shapes.MaxBatch)));
        }

        public Tactic Tactic { get; }

        public List<double> Times { get; } = [];

        public double Seconds { get; private set; }

        // The reference is there for comparison; seconds of plain loops tell no more when there are ten of them.
        public int LeastRuns(BenchmarkSettings settings) => Tactic is IReferenceTactic ? 1 : settings.MinRuns;

        public void WarmUp(double seconds)
        {
            var begin = Stopwatch.GetTimestamp();
            do _run.Run();
            while (Stopwatch.GetElapsedTime(begin).TotalSeconds < seconds);
        }

        public double Time()
        {
            var start = Stopwatch.GetTimestamp();
            _run.Run();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            Times.Add(seconds);
            Seconds += seconds;
            return seconds;
        }

        public void Dispose() => _run.Dispose();

        private static Tensor Noise(DataType type, Shape shape)
        {
            var random = new Random(1);
            var noise = Tensor.Zeros(type, shape);
            if (noise is Tensor<float> floats)
            {
                foreach (ref var x in floats.Span) x = random.NextSingle() * 2 - 1;
            }
            else
            {
                random.NextBytes(noise.Bytes);
            }
            return noise;
        }
    }
}
