namespace Pith.Compression.Quantization;

/// <summary>
/// Finds layers to keep in float so that a quantized network loses no more than it may. What each layer costs is measured one by one, by the error of the outputs on calibration images. Layers are moved to float in the order
/// of what that gains for the multiply-accumulates that it takes out of INT8; the shortest beginning of that order that meets the target is found by doubling and bisection, on images that were not used to calibrate;
/// then layers that the target can do without are returned, each tried once. Which layers move first is not decided by those images, and a network that is no nearer to the float one than one that missed the target does not count as
/// meeting it: the more networks are tried on a few hundred images, the likelier it is that one is lucky.
/// Every measurement goes through a <see cref="TrialJournal"/>, so the same search again repeats none of them and ends the same.
/// </summary>
internal sealed class AccuracySearch
{
    // A layer that is nearly free in multiply-accumulates still costs its conversions: about this share of the network.
    private const double LeastShare = 0.01;

    // Sums of counts are exact; shares are not.
    private const double Rounding = 1e-9;

    private const string Float = "float";

    private readonly SearchSettings _settings;
    private readonly SearchImages _images;
    private readonly OutputError _sensitivity;
    private readonly int _sensitivityImages;
    private readonly TrialJournal _journal;
    private readonly Action<Graph> _keep;
    private readonly IProgress<PithEvent>? _events;
    private readonly CancellationToken _cancellation;
    private readonly OrderedDictionary<string, SearchTrial> _trials = new(StringComparer.Ordinal);
    private LayerVariants _variants;
    private ActivationForm? _activations;
    private SearchTrial? _best, _written;
    private double _largestError = double.PositiveInfinity;

    /// <param name="settings">The target.</param>
    /// <param name="variants">The quantized network.</param>
    /// <param name="reference">The float network.</param>
    /// <param name="images">The images that decide.</param>
    /// <param name="calibration">The calibration images, which tell what layers cost.</param>
    /// <param name="threads">Threads of a run.</param>
    /// <param name="journal">Finished trials.</param>
    /// <param name="keep">Saves the best network so far.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between two runs; finished trials are saved.</param>
    public AccuracySearch(SearchSettings settings, LayerVariants variants, Graph reference, SearchImages images, CalibrationImages calibration, int threads, TrialJournal journal, Action<Graph> keep, IProgress<PithEvent>? events, CancellationToken cancellation)
    {
        (_settings, _variants, _images, _journal, _keep, _events, _cancellation) = (settings, variants, images, journal, keep, events, cancellation);
        (_sensitivity, _sensitivityImages) = (new OutputError(reference, calibration, threads), calibration.Count);
    }

    /// <summary>The network that was quantized, in the form of activations that was chosen.</summary>
    public LayerVariants Variants => _variants;

    /// <summary>Searches.</summary>
    /// <param name="withUInt8">Quantizes with uint8 activations; null where the target does not take them, or has them already.</param>
    /// <param name="imageText">The images that decide, for people.</param>
    /// <exception cref="PithException">A network cannot be run, or a trial cannot be saved.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public SearchResult Run(Func<LayerVariants>? withUInt8, string imageText)
    {
        var all = Measure([]);
        if (!all.Holds && withUInt8 is not null) all = TryUInt8(all, withUInt8);
        IReadOnlyList<LayerSensitivity> sensitivities = [];
        if (!all.Holds)
        {
            sensitivities = MeasureLayers();
            var chosen = Grow(Movable(sensitivities));
            if (chosen is not null) Return(chosen, sensitivities);
        }
        return new SearchResult
        {
            Settings = _settings,
            Images = imageText,
            IsReached = _best!.Holds,
            Chosen = _best,
            Quantization = _variants.SettingsWith(_best.FloatLayers),
            Layers = _variants.Layers.Count,
            Trials = [.. _trials.Values],
            Sensitivities = sensitivities,
            KeptTrials = _journal.Kept,
        };
    }

    /// <summary>The form of activations with the smaller error goes on.</summary>
    private SearchTrial TryUInt8(SearchTrial all, Func<LayerVariants> withUInt8)
    {
        var before = (_variants, _activations, _best);
        (_variants, _activations) = (withUInt8(), ActivationForm.UInt8);
        var trial = Measure([]);
        if (trial.Score.Error < all.Score.Error)
        {
            _best = trial;
            return trial;
        }
        (_variants, _activations, _best) = before;
        return all;
    }

    /// <summary>The error with each layer alone in float.</summary>
    private LayerSensitivity[] MeasureLayers()
    {
        var layers = _variants.Layers;
        var all = ErrorOf([]);
        var results = new LayerSensitivity[layers.Count];
        for (var i = 0; i < results.Length; i++)
        {
            _cancellation.ThrowIfCancellationRequested();
            _events?.Report(new ProgressMade("measure layers", i, results.Length, layers[i].Name));
            var without = ErrorOf([layers[i].Name]);
            results[i] = new LayerSensitivity(layers[i], without, all > 0 && double.IsFinite(all) ? 1 - without / all : without < all ? 1 : 0);
        }
        _events?.Report(new ProgressMade("measure layers", results.Length, results.Length));
        return results;
    }

    private double ErrorOf(IReadOnlyCollection<string> floatLayers)
    {
        var entry = Entry("calibration", floatLayers);
        if (_journal.Find(entry) is { } known) return known.Score.Error;
        var score = new SearchScore(_sensitivityImages, _sensitivity.Of(_variants.With(floatLayers).Graph), null, null);
        _journal.Add(entry with { Score = score });
        return score.Error;
    }

    /// <summary>The layers in the order in which they are moved, as many as leave enough in INT8.</summary>
    private List<string> Movable(IEnumerable<LayerSensitivity> sensitivities)
    {
        var moved = new List<string>();
        foreach (var layer in sensitivities.OrderByDescending(layer => layer.Gain / (layer.Layer.Share + LeastShare)).Select(layer => layer.Layer.Name))
            if (_variants.Int8Share([.. moved, layer]) is var left && left >= _settings.LeastInt8 - Rounding && left > 0) moved.Add(layer);
        return moved;
    }

    /// <summary>The shortest beginning of <paramref name="order"/> that meets the target; null when none does.</summary>
    private List<string>? Grow(List<string> order)
    {
        var (fails, holds) = (0, 0);
        for (var count = 1; holds == 0 && fails < order.Count; count = Math.Min(order.Count, count + Math.Max(1, count / 2)))
        {
            if (Measure(order[..count]).Holds) holds = count;
            else fails = count;
        }
        if (holds == 0) return null;
        while (holds - fails > 1)
        {
            var middle = (holds + fails) / 2;
            if (Measure(order[..middle]).Holds) holds = middle;
            else fails = middle;
        }
        // A loss of a few images of some hundred has a wide interval, the error of the outputs a narrow one: with an error as large as where the target was missed it is met by luck.
        _largestError = Measure(order[..fails]).Score.Error;
        return order[..holds];
    }

    /// <summary>Returns layers to INT8 one by one as long as the target holds, and with outputs that are nearer to the float ones than where it was missed: those first that are most of the network, and of these the ones that gained least.</summary>
    private void Return(IReadOnlyList<string> chosen, IReadOnlyList<LayerSensitivity> sensitivities)
    {
        List<string> left = [.. chosen];
        string[] order = [.. sensitivities.Where(layer => chosen.Contains(layer.Layer.Name)).OrderByDescending(layer => layer.Layer.Share).ThenBy(layer => layer.Gain).Select(layer => layer.Layer.Name)];
        foreach (var layer in order)
        {
            List<string> without = [.. left.Where(name => name != layer)];
            if (Measure(without).Holds) left = without;
        }
    }

    private SearchTrial Measure(List<string> floatLayers)
    {
        _cancellation.ThrowIfCancellationRequested();
        var entry = Entry("validation", floatLayers);
        if (_trials.TryGetValue(entry.Identity, out var measured)) return measured;
        var known = _journal.Find(entry)?.Score;
        Graph? graph = null;
        if (known is null)
        {
            graph = _variants.With(floatLayers).Graph;
            var task = $"trial {_trials.Count + 1}";
            known = _images.Of(graph, images => _events?.Report(new ProgressMade(task, images, _images.Count, floatLayers.Count == 1 ? "1 layer in float" : $"{floatLayers.Count} layers in float")), _cancellation);
            _journal.Add(entry with { Score = known });
        }
        var loss = known.Loss(_settings.Metric);
        var ordered = _variants.Layers.Select(layer => layer.Name).Where(floatLayers.Contains).ToValueList();
        var trial = new SearchTrial(ordered, _activations, _variants.Int8Share(ordered), known, loss, loss <= _settings.MaxDrop!.Value + Rounding && known.Error <= _largestError);
        _trials.Add(entry.Identity, trial);
        if (_best is null || IsBetter(trial, _best)) _best = trial;
        // Kept trials are gone through before anything is written: the file of the earlier run is there.
        if (graph is not null && !ReferenceEquals(_written, _best))
        {
            _keep(ReferenceEquals(_best, trial) ? graph : _variants.With(_best.FloatLayers).Graph);
            _written = _best;
        }
        return trial;
    }

    /// <summary>Of networks that meet the target the one with more in INT8 is better, of others the one that loses less.</summary>
    private static bool IsBetter(SearchTrial trial, SearchTrial best)
    {
        if (trial.Holds != best.Holds) return trial.Holds;
        if (trial.Holds && Math.Abs(trial.Int8Share - best.Int8Share) > Rounding) return trial.Int8Share > best.Int8Share;
        if (trial.Holds && trial.FloatLayers.Count != best.FloatLayers.Count) return trial.FloatLayers.Count < best.FloatLayers.Count;
        return trial.Loss != best.Loss ? trial.Loss < best.Loss : trial.Score.Error < best.Score.Error;
    }

    private TrialEntry Entry(string on, IEnumerable<string> floatLayers) =>
        new(on, _activations is { } form ? $"activations {form.ToString().ToLowerInvariant()}" : "", floatLayers.Order(StringComparer.Ordinal).ToDictionary(layer => layer, _ => Float, StringComparer.Ordinal), SearchScore.None);
}
