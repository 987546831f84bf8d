using Pith.Benchmarking;

namespace Pith.Compression.Sparsity;

/// <summary>The networks of one forecast, with random weights: the dense one stays, those with patterns come and go.</summary>
internal sealed class ForecastTrial : IDisposable
{
    private const int LeastProfileRuns = 20;
    private const int MostProfileRuns = 400;

    private readonly Graph _graph;
    private readonly ForecastSettings _settings;
    private readonly IProgress<PithEvent>? _events;
    private readonly CancellationToken _cancellation;
    private readonly RandomWeights _weights;
    private readonly EngineOptions _options;
    private readonly List<PatternForecast> _forecasts = [];
    private readonly Dictionary<string, (IReadOnlyList<LayerResult> Dense, IReadOnlyList<ForecastLayerTime> Sparse)> _profiles = new(StringComparer.Ordinal);
    private readonly Lazy<ForecastNetwork> _dense;
    private HashSet<string> _forms = [];

    /// <param name="graph">An INT8 network; not changed.</param>
    /// <param name="settings">Patterns, batch, threads, target.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    public ForecastTrial(Graph graph, ForecastSettings settings, IProgress<PithEvent>? events, CancellationToken cancellation)
    {
        (_graph, _settings, _events, _cancellation) = (graph, settings, events, cancellation);
        _weights = new RandomWeights(graph);
        _options = new EngineOptions { MaxBatch = settings.Batch, Threads = settings.Threads, TimingCache = settings.TimingCache ?? new TimingCache() };
        _dense = new(() => Build(TacticVerdict.Dense, _ => null));
    }

    private ForecastNetwork Dense => _dense.Value;

    /// <summary>Threads of a run.</summary>
    public int Threads => Dense.Context.Threads;

    /// <summary>Microseconds of all layers of the dense network together, on average over its profiles.</summary>
    public double DenseMicroseconds => _profiles.Values.Average(profile => profile.Dense.Sum(layer => layer.Microseconds));

    /// <summary>The patterns to time, from the freest to the strictest.</summary>
    public IReadOnlyList<SparsityPattern> Patterns()
    {
        SparsityPattern[] asked = [.. _settings.Patterns.Distinct().OrderBy(pattern => pattern.Channels)];
        // Kernels of every form take weights of the strictest pattern and are timed together; the networks to come find their times in the cache.
        var all = asked.LastOrDefault() ?? SparsityPattern.All[^1];
        using var strictest = Build(all.ToString(), _ => all);
        _forms = [.. strictest.Engine.Layers.SelectMany(layer => layer.Verdicts).Where(verdict => verdict.Accepted).Select(verdict => verdict.WeightForm)];
        return asked.Length > 0 ? asked : [.. SparsityPattern.All.Where(pattern => !pattern.IsShared || _forms.Contains(pattern.ToString()))];
    }

    /// <summary>Times the network with one pattern in every layer that takes it, and its layers.</summary>
    public void Time(SparsityPattern pattern)
    {
        using var sparse = Build(pattern.ToString(), _ => pattern);
        var (result, dense) = Compare(sparse, $"time {pattern}");
        var ratio = SpeedRatio.Of(result, dense);
        _forecasts.Add(new PatternForecast
        {
            Pattern = pattern.ToString(),
            MedianMs = result.MedianMs,
            DenseMedianMs = dense.MedianMs,
            Speedup = ratio.Median,
            LowerQuartile = ratio.LowerQuartile,
            UpperQuartile = ratio.UpperQuartile,
            WeightBytes = sparse.Engine.WeightBytes,
            PlanBytes = sparse.PlanBytes,
        });
        Profile(pattern, sparse, LeastProfileRuns);
    }

    /// <summary>Times only the layers with one pattern, for as long as the settings say.</summary>
    public void TimeLayers(SparsityPattern pattern)
    {
        using var sparse = Build(pattern.ToString(), _ => pattern);
        var run = new System.Diagnostics.Stopwatch();
        foreach (var context in (EngineContext[])[Dense.Context, sparse.Context])
        {
            context.Run();
            run.Start();
            context.Run();
            run.Stop();
        }
        Profile(pattern, sparse, (int)Math.Clamp(_settings.Benchmark.Seconds / run.Elapsed.TotalSeconds, LeastProfileRuns, MostProfileRuns));
    }

    /// <summary>How many times as fast as the dense network one with a pattern for each layer is, both timed in turn.</summary>
    /// <param name="name">What to call it in progress reports.</param>
    /// <param name="patternOf">The pattern of a layer by its name; null for a dense one.</param>
    public double Speedup(string name, Func<string, SparsityPattern?> patternOf)
    {
        using var sparse = Build(name, patternOf);
        var (result, dense) = Compare(sparse, $"time {name}");
        return SpeedRatio.Of(result, dense).Median;
    }

    /// <summary>The layers with weights, with their times in all networks that were profiled.</summary>
    public IReadOnlyList<ForecastLayer> Layers() =>
    [
        .. from entry in Dense.Engine.Layers.Select((layer, i) => (Layer: layer, Index: i))
           where _weights.WhyNot.ContainsKey(entry.Layer.Name)
           select new ForecastLayer(entry.Layer.Name, entry.Layer.Spec.ToString(), _weights.WhyNot[entry.Layer.Name], _profiles.Values.Average(profile => profile.Dense[entry.Index].Microseconds), [.. _profiles.Keys.Select(pattern => TimeOf(pattern, entry.Index))])
    ];

    /// <summary>What was measured, and what it comes to.</summary>
    /// <param name="wasQuantized">Whether the network came in floats.</param>
    public ForecastResult Result(bool wasQuantized)
    {
        var layers = Layers();
        return new ForecastResult
        {
            Batch = Dense.Engine.MaxBatch,
            Threads = Threads,
            WasQuantizedForThis = wasQuantized,
            DenseMedianMs = _forecasts.Average(forecast => forecast.DenseMedianMs),
            DenseWeightBytes = Dense.Engine.WeightBytes,
            DensePlanBytes = Dense.PlanBytes,
            EligibleLayers = layers.Count(layer => layer.WhyDense is null),
            Patterns = _forecasts,
            Layers = layers,
            TargetSpeedup = _settings.TargetSpeedup,
            Cheapest = ForecastVerdict.Cheapest(_forecasts, _settings.TargetSpeedup)?.Pattern,
            Verdict = ForecastVerdict.Sentences(_forecasts, layers, _forms, _settings.TargetSpeedup),
        };
    }

    public void Dispose()
    {
        if (_dense.IsValueCreated) Dense.Dispose();
    }

    private (BenchmarkResult Sparse, BenchmarkResult Dense) Compare(ForecastNetwork sparse, string task)
    {
        var results = Benchmark.Run([Dense.Context, sparse.Context], _settings.Benchmark, task, _events, _cancellation);
        return (results[1], results[0]);
    }

    private void Profile(SparsityPattern pattern, ForecastNetwork sparse, int runs)
    {
        var profiles = LayerProfile.InTurn([Dense.Context, sparse.Context], runs);
        _profiles[pattern.ToString()] = (profiles[0], [.. profiles[1].Select((layer, i) => new ForecastLayerTime(pattern.ToString(), layer.Microseconds, sparse.FormOf(i), layer.Tactic))]);
    }

    // Each pattern was timed beside the dense network; the machine may have been faster or slower then than on average.
    private ForecastLayerTime TimeOf(string pattern, int layer)
    {
        var (dense, sparse) = _profiles[pattern];
        return sparse[layer] with { Microseconds = sparse[layer].Microseconds * DenseMicroseconds / dense.Sum(each => each.Microseconds) };
    }

    private ForecastNetwork Build(string name, Func<string, SparsityPattern?> patternOf)
    {
        _cancellation.ThrowIfCancellationRequested();
        _events?.Report(new ProgressMade($"build {name}", 0, 1));
        var network = new ForecastNetwork(EngineBuilder.Build(_weights.Apply(_graph, patternOf), _options));
        _events?.Report(new ProgressMade($"build {name}", 1, 1));
        return network;
    }
}
