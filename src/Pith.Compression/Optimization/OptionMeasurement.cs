namespace Pith.Compression.Optimization;

/// <summary>
/// Measures what can be done to each layer with weights: its time in float and INT8, dense and with every pattern that this machine has kernels for (<see cref="ForecastTrial"/>), and the error of the network's outputs with this layer
/// alone quantized, or alone pruned with the weights of one-shot pruning, on images that these weights were not fitted to. A layer that is both has both errors. All of it is kept in the journal.
/// </summary>
internal sealed class OptionMeasurement
{
    // Less is within what two measurements of one layer differ by.
    private const double LeastGain = 0.03;

    private readonly Graph _float;
    private readonly QuantizationSettings _quantization;
    private readonly OptimizationSettings _settings;
    private readonly SearchSetup _setup;
    private readonly StepContext _context;
    private readonly TrialJournal _journal;
    private readonly Lazy<(OutputError Judge, int Images)> _judge;

    public OptionMeasurement(QuantizationSettings quantization, OptimizationSettings settings, SearchSetup setup, StepContext context, TrialJournal journal)
    {
        (_float, _quantization, _settings, _setup, _context, _journal) = (setup.Float, quantization, settings, setup, context, journal);
        _judge = new(() =>
        {
            var images = setup.HeldOutImages();
            return (new OutputError(_float, images, context.Threads), images.Count);
        });
    }

    /// <summary>Measures all layers.</summary>
    /// <exception cref="PithException">The network cannot be quantized, pruned or built.</exception>
    public IReadOnlyList<OptimizedLayer> Run()
    {
        var times = new Dictionary<bool, Dictionary<(string Layer, string Pattern), double>> { [true] = Times(isFloat: true), [false] = Times(isFloat: false) };
        var quantized = new Lazy<LayerVariants>(() => new LayerVariants(PostTrainingQuantization.Apply(_float, _quantization, QuantizationEffort.Fast, _setup.Data, _context.Events, _context.Cancellation), _quantization));
        var pruned = new Dictionary<SparsityPattern, Graph>();
        var layers = new List<OptimizedLayer>();
        string[] names = [.. _float.Nodes.Where(node => WeightOperand.Of(node) is not null && times[true].ContainsKey((node.Name, ""))).Select(node => node.Name)];
        for (var i = 0; i < names.Length; i++)
        {
            var layer = names[i];
            _context.Cancellation.ThrowIfCancellationRequested();
            _context.Events?.Report(new ProgressMade("measure options", i, names.Length, layer));
            var options = new List<LayerOption> { new(true, null, times[true][(layer, "")], 0) };
            foreach (var pattern in PatternsOf(times[true], layer)) options.Add(new(true, pattern, times[true][(layer, pattern.ToString())], ErrorOfPattern(layer, pattern, pruned)));
            if (times[false].ContainsKey((layer, "")) && ErrorOfInt8(layer, quantized) is { } error)
            {
                options.Add(new(false, null, times[false][(layer, "")], error));
                foreach (var pattern in PatternsOf(times[false], layer)) options.Add(new(false, pattern, times[false][(layer, pattern.ToString())], error + ErrorOfPattern(layer, pattern, pruned)));
            }
            layers.Add(new OptimizedLayer(layer, options));
        }
        _context.Events?.Report(new ProgressMade("measure options", names.Length, names.Length));
        return layers;
    }

    /// <summary>The patterns that make a layer faster.</summary>
    private static IEnumerable<SparsityPattern> PatternsOf(Dictionary<(string Layer, string Pattern), double> times, string layer) =>
        SparsityPattern.All.Where(pattern => times.TryGetValue((layer, pattern.ToString()), out var time) && time < times[(layer, "")] * (1 - LeastGain));

    /// <summary>Microseconds by layer and pattern (empty: dense) in float or INT8; patterns only where a kernel for them was chosen.</summary>
    private Dictionary<(string Layer, string Pattern), double> Times(bool isFloat)
    {
        var entry = new TrialEntry("times", isFloat ? "float" : "int8", new Dictionary<string, string>(), SearchScore.None);
        if (_journal.Find(entry)?.Values is not { } values)
        {
            var measured = new Dictionary<string, double>(StringComparer.Ordinal);
            // Float kernels know plain 2:4 only.
            var forecast = new ForecastSettings { Batch = _settings.Batch, Threads = _context.Threads, Benchmark = _context.FrontTiming, Patterns = isFloat ? [SparsityPattern.TwoOfFour] : [] };
            using var trial = new ForecastTrial(isFloat ? _float : SparsityForecast.Int8Form(_float), forecast, _context.Events, _context.Cancellation);
            foreach (var pattern in trial.Patterns()) trial.TimeLayers(pattern);
            foreach (var layer in trial.Layers())
            {
                measured[KeyOf(layer.Name, "")] = layer.DenseMicroseconds;
                if (layer.WhyDense is null)
                    foreach (var time in layer.Times.Where(time => time.WeightForm != TacticVerdict.Dense)) measured[KeyOf(layer.Name, time.Pattern)] = time.Microseconds;
            }
            values = measured;
            _journal.Add(entry with { Values = values });
        }
        return values.ToDictionary(time => time.Key.LastIndexOf('|') is var at ? (time.Key[..at], time.Key[(at + 1)..]) : default, time => time.Value);
    }

    private static string KeyOf(string layer, string pattern) => $"{layer}|{pattern}";

    /// <summary>The error with one layer alone in INT8; null where the layer is not quantized.</summary>
    private double? ErrorOfInt8(string layer, Lazy<LayerVariants> quantized) =>
        ErrorOf(layer, LayerOption.NameOf(false, null), () => quantized.Value.Layers.Any(known => known.Name == layer) ? quantized.Value.With([.. quantized.Value.Layers.Select(known => known.Name).Where(name => name != layer)]).Graph : null);

    /// <summary>The error with one layer alone pruned.</summary>
    private double ErrorOfPattern(string layer, SparsityPattern pattern, Dictionary<SparsityPattern, Graph> pruned) => ErrorOf(layer, LayerOption.NameOf(true, pattern), () =>
    {
        if (!pruned.TryGetValue(pattern, out var all))
        {
            var settings = new PruningSettings { Pattern = pattern, Method = PruningMethod.Hessian, ChannelOrder = ChannelOrder.Keep, Samples = _quantization.Samples };
            pruned[pattern] = all = OneShotPruning.Apply(_float, settings, _setup.Data, new PruningOptions { Threads = _context.Threads, Events = _context.Events, Cancellation = _context.Cancellation, FitsAllImages = false }).Graph;
        }
        var one = _float.Clone();
        var (node, source) = (one.Nodes.First(node => node.Name == layer), all.Nodes.First(node => node.Name == layer));
        one.SetConstant(WeightOperand.Of(node)!.Constant, WeightOperand.Of(source)!.Constant.Constant!);
        if (source.Input(2) is { Constant: { } bias }) one.SetConstantOperand(node, 2, bias, $"{layer}/bias");
        return one;
    })!.Value;

    private double? ErrorOf(string layer, string option, Func<Graph?> make)
    {
        var entry = new TrialEntry("calibration", "", new Dictionary<string, string> { [layer] = option }, SearchScore.None);
        if (_journal.Find(entry) is { } known) return known.Score.Images > 0 ? known.Score.Error : null;
        var score = make() is { } graph ? new SearchScore(_judge.Value.Images, _judge.Value.Judge.Of(graph), null, null) : SearchScore.None;
        _journal.Add(entry with { Score = score });
        return score.Images > 0 ? score.Error : null;
    }
}
