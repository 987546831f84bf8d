using Pith.Benchmarking;

namespace Pith.Compression.Optimization;

/// <summary>
/// Finds the precision and the sparsity of each layer together. What each option costs in accuracy and time is measured layer by layer (<see cref="OptionMeasurement"/>); the choices that nothing beats by these numbers form a path from
/// the most accurate to the fastest network (<see cref="OptionPath"/>). Networks on the path are built, measured and timed as wholes, and bisection along it finds where the target stops to hold. The dense INT8 network is always among them.
/// </summary>
internal sealed class JointSearch : IDisposable
{
    // Each is pruned and quantized anew.
    private const int MostBisections = 7;

    private const double Rounding = 1e-9;

    private const string Task = "build networks";

    private readonly OptimizeStep _step;
    private readonly SearchSetup _setup;
    private readonly StepContext _context;
    private readonly TrialJournal _journal;
    private readonly TimingCache _cache = new();
    private readonly Lazy<EngineContext> _float;
    private readonly OrderedDictionary<string, OptimizationTrial> _trials = new(StringComparer.Ordinal);
    private double _floatMicroseconds;
    private OptimizationTrial? _best;
    private Graph? _bestGraph;
    private int _mostTrials;
    private IReadOnlyDictionary<string, LayerOption> _bestOptions = new Dictionary<string, LayerOption>();

    public JointSearch(OptimizeStep step, SearchSetup setup, StepContext context, TrialJournal journal)
    {
        (_step, _setup, _context, _journal) = (step, setup, context, journal);
        _float = new(() => Context(setup.Float));
    }

    private OptimizationSettings Settings => _step.Optimization;

    /// <summary>Searches.</summary>
    /// <returns>The result and the network that was chosen.</returns>
    /// <exception cref="PithException">The network cannot be quantized, pruned or run, or a trial cannot be saved.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; finished trials are saved.</exception>
    public (OptimizationResult Result, Graph Graph) Run()
    {
        var layers = new OptionMeasurement(_step.Quantization, Settings, _setup, _context, _journal).Run();
        if (layers.All(layer => layer.Options.Count == 1)) throw new PithException($"No layer of '{_setup.Float.Name}' can be quantized or pruned, so there is nothing to optimize.");
        _floatMicroseconds = layers.Sum(layer => layer.Options[0].Microseconds);
        var path = new OptionPath(layers);
        // All INT8, the end of the path, and bisections between its two ends.
        _mostTrials = 2 + Math.Min(MostBisections, (int)Math.Ceiling(Math.Log2(Math.Max(1, path.Steps))));
        Measure("all INT8", layers.ToDictionary(layer => layer.Layer, layer => layer.Options.FirstOrDefault(option => !option.IsFloat && option.Pattern is null) ?? layer.Options[0], StringComparer.Ordinal));
        Bisect(path);
        _context.Events?.Report(new ProgressMade(Task, _mostTrials, _mostTrials));
        var result = new OptimizationResult
        {
            Settings = Settings,
            Machine = MachineDescription.Text,
            Images = _setup.ImageText,
            IsReached = IsReached(_best!),
            Chosen = _best!,
            Trials = [.. _trials.Values],
            KeptTrials = _journal.Kept,
        };
        return (result, _bestGraph ?? Build(_bestOptions));
    }

    public void Dispose()
    {
        if (!_float.IsValueCreated) return;
        _float.Value.Dispose();
        _float.Value.Engine.Dispose();
    }

    /// <summary>Where the path stops to hold the drop; with a speed-up alone, where it begins to be fast enough.</summary>
    private void Bisect(OptionPath path)
    {
        bool GoesOn(OptimizationTrial trial) => Settings.Speedup is { } wanted && Settings.MaxDrop is null ? trial.Speedup < wanted : trial.Holds;
        var (low, high) = (0, path.Steps);
        if (high == 0 || GoesOn(MeasureAfter(path, high))) return;
        for (var trial = 0; trial < MostBisections && high - low > 1; trial++)
        {
            var middle = (low + high) / 2;
            if (GoesOn(MeasureAfter(path, middle))) low = middle;
            else high = middle;
        }
    }

    private OptimizationTrial MeasureAfter(OptionPath path, int steps) => Measure($"step {steps} of {path.Steps}", path.After(steps));

    private OptimizationTrial Measure(string name, IReadOnlyDictionary<string, LayerOption> options)
    {
        _context.Cancellation.ThrowIfCancellationRequested();
        var entry = new TrialEntry("validation", "", options.ToDictionary(option => option.Key, option => option.Value.Name, StringComparer.Ordinal), SearchScore.None);
        if (_trials.TryGetValue(entry.Identity, out var measured)) return measured;
        _context.Events?.Report(new ProgressMade(Task, _trials.Count, _mostTrials, name));
        var (known, graph) = (_journal.Find(entry), (Graph?)null);
        if (known is null)
        {
            graph = Build(options);
            var task = $"trial {_trials.Count + 1}";
            var score = _setup.Images.Of(graph, images => _context.Events?.Report(new ProgressMade(task, images, _setup.Images.Count, name)), _context.Cancellation);
            known = entry with { Score = score, Values = Time(graph, $"time {name}") };
            _journal.Add(known);
        }
        var loss = known.Score.Loss(Settings.Metric);
        var values = known.Values!;
        var trial = new OptimizationTrial(name, options.Select(option => (option.Key, option.Value.Name)).ToValueList(), known.Score, loss, loss <= Settings.Allowed + Rounding,
            _floatMicroseconds / Math.Max(options.Values.Sum(option => option.Microseconds), double.Epsilon), values["median_ms"], values["speedup"], values["lower_quartile"], values["upper_quartile"]);
        _trials.Add(entry.Identity, trial);
        if (_best is null || IsBetter(trial, _best))
        {
            (_best, _bestOptions, _bestGraph) = (trial, options, graph);
            if (graph is not null) SearchSetup.Keep(graph, _context);
        }
        return trial;
    }

    private bool IsReached(OptimizationTrial trial) => trial.Holds && (Settings.Speedup is not { } wanted || trial.Speedup >= wanted);

    /// <summary>What reaches the targets comes first; then the faster network where a drop is allowed, else the one that loses less.</summary>
    private bool IsBetter(OptimizationTrial trial, OptimizationTrial best)
    {
        if (IsReached(trial) != IsReached(best)) return IsReached(trial);
        var isForSpeed = double.IsFinite(Settings.Allowed) ? trial.Holds && best.Holds : !IsReached(trial);
        if (double.IsFinite(Settings.Allowed) && trial.Holds != best.Holds) return trial.Holds;
        return isForSpeed ? trial.Speedup > best.Speedup : trial.Loss != best.Loss ? trial.Loss < best.Loss : trial.Score.Error < best.Score.Error;
    }

    /// <summary>Prunes and quantizes as chosen.</summary>
    private Graph Build(IReadOnlyDictionary<string, LayerOption> options)
    {
        var patterns = options.Where(option => option.Value.Pattern is not null).ToDictionary(option => option.Key, option => option.Value.Pattern!, StringComparer.Ordinal);
        var graph = _setup.Float;
        if (patterns.Count > 0)
        {
            var pruning = new PruningSettings { Method = PruningMethod.Hessian, ChannelOrder = ChannelOrder.Keep, Samples = _step.Quantization.Samples };
            graph = OneShotPruning.Apply(graph, pruning, _setup.Data, new PruningOptions { Threads = _context.Threads, Events = _context.Events, Cancellation = _context.Cancellation, ByLayer = patterns }).Graph;
        }
        if (options.Values.All(option => option.IsFloat)) return graph.Clone();
        var settings = _step.Quantization with { KeepFloat = [.. FloatLayers(graph, options).Select(NamePattern.Exactly), .. _step.Quantization.KeepFloat] };
        var quantized = PostTrainingQuantization.Apply(graph, settings, _step.PostTraining.Effort, _setup.Data, _context.Events, _context.Cancellation).Graph;
        FakeQuantization.Finish(quantized, settings);
        return quantized;
    }

    /// <summary>The layers in float, with those without weights (residual Adds, pools) that follow them: a pair for these alone costs conversions.</summary>
    private IEnumerable<string> FloatLayers(Graph graph, IReadOnlyDictionary<string, LayerOption> options)
    {
        var candidates = QdqPlacement.Find(graph, _step.Quantization).Layers.Where(layer => layer.SkipReason is null).Select(layer => layer.Layer.Name).ToHashSet(StringComparer.Ordinal);
        var isFloat = false;
        foreach (var node in graph.Nodes)
        {
            if (options.TryGetValue(node.Name, out var option)) isFloat = option.IsFloat;
            if (isFloat && candidates.Contains(node.Name)) yield return node.Name;
        }
    }

    private Dictionary<string, double> Time(Graph graph, string task)
    {
        var context = Context(graph);
        try
        {
            var results = Benchmark.Run([_float.Value, context], _context.FrontTiming, task, _context.Events, _context.Cancellation);
            var ratio = SpeedRatio.Of(results[1], results[0]);
            return new(StringComparer.Ordinal) { ["median_ms"] = results[1].MedianMs, ["float_ms"] = results[0].MedianMs, ["speedup"] = ratio.Median, ["lower_quartile"] = ratio.LowerQuartile, ["upper_quartile"] = ratio.UpperQuartile };
        }
        finally
        {
            context.Dispose();
            context.Engine.Dispose();
        }
    }

    private EngineContext Context(Graph graph) => EngineBuilder.Build(graph, new EngineOptions { MaxBatch = Settings.Batch, Threads = _context.Threads, TimingCache = _cache }).CreateContext();
}
