using Pith.Benchmarking;
using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Sparsity;

/// <summary>
/// Says before any training what 2:4 and V:2:4 would bring on this machine: builds the INT8 form of a network with random weights, dense and with each pattern in every layer that takes it, and times the real
/// kernels in turn. Speed does not depend on the values of weights, so what is shown is what a trained network of that pattern will show.
/// </summary>
public static class SparsityForecast
{
    private const int ProfileRuns = 20;

    // Of quantization whose results nobody looks at.
    private const float AnyScale = 4f / 128;

    /// <summary>Forecasts.</summary>
    /// <param name="graph">A network, in floats or quantized; not changed.</param>
    /// <param name="settings">Patterns, batch, threads, target.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    /// <exception cref="PithException">The network cannot be quantized or built.</exception>
    public static ForecastResult Run(Graph graph, ForecastSettings settings, IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(settings);
        var isQuantized = graph.Nodes.Any(node => node.Op is QuantizeLinear or DequantizeLinear);
        var int8 = isQuantized ? Simplified(graph) : Quantized(Simplified(Float32Form.IsNeeded(graph) ? Float32Form.Of(graph) : graph));
        using var trial = new ForecastTrial(int8, settings, events, cancellation);
        foreach (var pattern in trial.Patterns()) trial.Time(pattern);
        return trial.Result(!isQuantized);
    }

    private static Graph Simplified(Graph graph)
    {
        var copy = graph.Clone();
        PassRunner.RunToFixpoint(copy, Pipelines.Simplify);
        return copy;
    }

    private static Graph Quantized(Graph graph)
    {
        var settings = new QuantizationSettings();
        var placement = QdqPlacement.Find(graph, settings);
        var cache = new CalibrationCache(placement.Activations.Select(activation => KeyValuePair.Create(activation.Value.Name, AnyScale)), origin: null);
        var made = FakeQuantization.FromCache(graph, settings, cache).Graph;
        FakeQuantization.Finish(made, settings);
        return made;
    }

    /// <summary>The networks of one forecast: the dense one stays, those with patterns come and go.</summary>
    private sealed class ForecastTrial : IDisposable
    {
        private readonly Graph _graph;
        private readonly ForecastSettings _settings;
        private readonly IProgress<PithEvent>? _events;
        private readonly CancellationToken _cancellation;
        private readonly RandomWeights _weights;
        private readonly EngineOptions _options;
        private readonly List<PatternForecast> _forecasts = [];
        private readonly Dictionary<string, (IReadOnlyList<LayerResult> Dense, IReadOnlyList<ForecastLayerTime> Sparse)> _profiles = new(StringComparer.Ordinal);
        private Network? _dense;
        private HashSet<string> _forms = [];

        public ForecastTrial(Graph graph, ForecastSettings settings, IProgress<PithEvent>? events, CancellationToken cancellation)
        {
            (_graph, _settings, _events, _cancellation) = (graph, settings, events, cancellation);
            _weights = new RandomWeights(graph);
            _options = new EngineOptions { MaxBatch = settings.Batch, Threads = settings.Threads, TimingCache = settings.TimingCache ?? new TimingCache() };
        }

        /// <summary>The patterns to time, from the freest to the strictest.</summary>
        public IEnumerable<SparsityPattern> Patterns()
        {
            SparsityPattern[] asked = [.. _settings.Patterns.Distinct().OrderBy(pattern => pattern.Channels)];
            // Kernels of every form take weights of the strictest pattern and are timed together; the networks to come find their times in the cache.
            using var strictest = Build(asked.LastOrDefault() ?? SparsityPattern.All[^1]);
            _forms = [.. strictest.Engine.Layers.SelectMany(layer => layer.Verdicts).Where(verdict => verdict.Accepted).Select(verdict => verdict.WeightForm)];
            return asked.Length > 0 ? asked : SparsityPattern.All.Where(pattern => !pattern.IsShared || _forms.Contains(pattern.ToString()));
        }

        public void Time(SparsityPattern pattern)
        {
            using var sparse = Build(pattern);
            _dense ??= Build(null);
            var results = Benchmark.Run([_dense.Context, sparse.Context], _settings.Benchmark, $"time {pattern}", _events, _cancellation);
            var ratio = SpeedRatio.Of(results[1], results[0]);
            _forecasts.Add(new PatternForecast
            {
                Pattern = pattern.ToString(),
                MedianMs = results[1].MedianMs,
                DenseMedianMs = results[0].MedianMs,
                Speedup = ratio.Median,
                LowerQuartile = ratio.LowerQuartile,
                UpperQuartile = ratio.UpperQuartile,
                WeightBytes = sparse.Engine.WeightBytes,
                PlanBytes = sparse.PlanBytes,
            });
            var profiles = LayerProfile.InTurn([_dense.Context, sparse.Context], ProfileRuns);
            _profiles[pattern.ToString()] = (profiles[0], [.. profiles[1].Select((layer, i) => new ForecastLayerTime(pattern.ToString(), layer.Microseconds, sparse.FormOf(i), layer.Tactic))]);
        }

        public ForecastResult Result(bool wasQuantized)
        {
            var dense = _dense!;
            var forecasts = _forecasts;
            ForecastLayer[] layers =
            [
                .. from entry in dense.Engine.Layers.Select((layer, i) => (Layer: layer, Index: i))
                   where _weights.WhyNot.ContainsKey(entry.Layer.Name)
                   select new ForecastLayer(entry.Layer.Name, entry.Layer.Spec.ToString(), _weights.WhyNot[entry.Layer.Name], DenseMicroseconds(entry.Index), [.. forecasts.Select(forecast => TimeOf(forecast.Pattern, entry.Index))])
            ];
            var eligible = layers.Count(layer => layer.WhyDense is null);
            return new ForecastResult
            {
                Batch = dense.Engine.MaxBatch,
                Threads = dense.Context.Threads,
                WasQuantizedForThis = wasQuantized,
                DenseMedianMs = forecasts.Average(forecast => forecast.DenseMedianMs),
                DenseWeightBytes = dense.Engine.WeightBytes,
                DensePlanBytes = dense.PlanBytes,
                EligibleLayers = eligible,
                Patterns = forecasts,
                Layers = layers,
                TargetSpeedup = _settings.TargetSpeedup,
                Cheapest = ForecastVerdict.Cheapest(forecasts, _settings.TargetSpeedup)?.Pattern,
                Verdict = ForecastVerdict.Sentences(forecasts, layers, _forms, _settings.TargetSpeedup),
            };
        }

        // Each pattern was timed beside the dense network; the machine may have been faster or slower then than on average.
        private ForecastLayerTime TimeOf(string pattern, int layer)
        {
            var (dense, sparse) = _profiles[pattern];
            var average = _profiles.Values.Average(profile => profile.Dense.Sum(each => each.Microseconds));
            return sparse[layer] with { Microseconds = sparse[layer].Microseconds * average / dense.Sum(each => each.Microseconds) };
        }

        private double DenseMicroseconds(int layer) => _profiles.Values.Average(profile => profile.Dense[layer].Microseconds);

        public void Dispose() => _dense?.Dispose();

        private Network Build(SparsityPattern? pattern)
        {
            _cancellation.ThrowIfCancellationRequested();
            var name = $"build {pattern?.ToString() ?? TacticVerdict.Dense}";
            _events?.Report(new ProgressMade(name, 0, 1));
            var network = new Network(EngineBuilder.Build(_weights.Apply(_graph, pattern), _options));
            _events?.Report(new ProgressMade(name, 1, 1));
            return network;
        }
    }

    /// <summary>A network that was built.</summary>
    private sealed class Network : IDisposable
    {
        public Network(Engine engine)
        {
            Engine = engine;
            try
            {
                Context = engine.CreateContext();
                PlanBytes = BytesOfPlan(engine);
            }
            catch
            {
                Context?.Dispose();
                engine.Dispose();
                throw;
            }
        }

        public Engine Engine { get; }

        public EngineContext Context { get; }

        public long PlanBytes { get; }

        public string FormOf(int index)
        {
            var layer = Engine.Layers[index];
            return layer.Verdicts.First(verdict => verdict.Tactic == layer.Tactic).WeightForm;
        }

        public void Dispose()
        {
            Context.Dispose();
            Engine.Dispose();
        }

        private static long BytesOfPlan(Engine engine)
        {
            var folder = Directory.CreateTempSubdirectory("pith-forecast-");
            try
            {
                var plan = Path.Combine(folder.FullName, "network.plan");
                engine.Save(plan);
                return new FileInfo(plan).Length;
            }
            finally
            {
                folder.Delete(recursive: true);
            }
        }
    }
}
