using System.Globalization;
using Pith.Compression.Reconstruction;

namespace Pith.Compression.Quantization;

/// <summary>
/// Post-training quantization: stages that each lower the error, in the order in which they depend on each other. Each is measured by the error at the network's outputs on images that it did not choose by, and undone where it
/// does not help. The result is a graph that simulates INT8, as from <see cref="FakeQuantization"/>, whose float weights are whole steps of their scales.
/// </summary>
internal sealed class PostTrainingQuantization
{
    // Work for each image is that of a few runs of the network for each layer; MobileNetV2 at 224x224 takes 3e8 multiply-accumulates.
    private const double BalancedWork = 4e10;
    private const int FewestImages = 64, FewestForRanges = 48;

    private readonly Graph _float;
    private readonly QuantizationSettings _settings;
    private readonly CalibrationData _data;
    private readonly IProgress<PithEvent>? _events;
    private readonly CalibrationImages _images;
    private readonly OutputError _judge;
    private readonly List<AccuracyStage> _stages = [];

    private PostTrainingQuantization(Graph graph, QuantizationSettings settings, QuantizationEffort effort, CalibrationData data, IProgress<PithEvent>? events)
    {
        (_float, _settings, _data, _events) = (graph, settings, data, events);
        _images = CalibrationImages.Read(graph, data, ImagesFor(graph, effort));
        _judge = new OutputError(graph, _images.HeldOut(), data.Threads);
    }

    /// <summary>Quantizes a copy of <paramref name="graph"/>.</summary>
    /// <param name="graph">A simplified float network; batch norm is folded.</param>
    /// <param name="settings">How it is quantized.</param>
    /// <param name="effort">How much is done for accuracy.</param>
    /// <param name="data">Calibration images; read several times.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between stages and layers.</param>
    /// <exception cref="PithException">The settings do not fit the graph, or it cannot be run on the images.</exception>
    public static FakeQuantizationResult Apply(Graph graph, QuantizationSettings settings, QuantizationEffort effort, CalibrationData data, IProgress<PithEvent>? events, CancellationToken cancellation)
    {
        var calibrated = FakeQuantization.Calibrate(graph, settings, data, events);
        if (effort == QuantizationEffort.Fast || calibrated.Layers.All(layer => layer.SkipReason is not null)) return calibrated;
        return new PostTrainingQuantization(graph, settings, effort, data, events).Improve(calibrated, effort, cancellation);
    }

    private FakeQuantizationResult Improve(FakeQuantizationResult calibrated, QuantizationEffort effort, CancellationToken cancellation)
    {
        var error = _judge.Of(calibrated.Graph);
        _stages.Add(new AccuracyStage("calibrate", error, true, $"{_settings.Calibrator}"));
        var (start, result) = (_float, calibrated);

        cancellation.ThrowIfCancellationRequested();
        var choose = _images.ToChooseBy();
        if (Equalized(choose) is { } equalized)
        {
            var scaled = equalized.Classes.Count(channels => channels.KeptReason is null);
            var trial = FakeQuantization.Calibrate(equalized.Graph, _settings, _data, _events);
            // Rounding of weights, which is repaired below, would hide what happens to activations; with one scale for a whole weight it is what is equalised for.
            var helps = Judged(trial.Graph) < Judged(result.Graph);
            if (Keep("equalize channels", trial.Graph, ref error, Of(scaled, equalized.Classes.Count, "sets of channels"), helps)) (start, result) = (equalized.Graph, trial);
        }

        cancellation.ThrowIfCancellationRequested();
        // A calibrator that was asked for is the one that is used.
        if (_settings.Calibrator is AutoCalibrator)
        {
            var ranges = RangeSearch.Apply(start, result.Ranges, _settings, choose.First(Math.Max(FewestForRanges, ImagesFor(_float, effort) / 4)), _data.Threads, _events, cancellation);
            var changed = ranges.Count(range => range.Value != result.Ranges[range.Key]);
            if (changed > 0)
            {
                var trial = FakeQuantization.With(start, _settings, ranges, result.Findings);
                if (Keep("choose ranges", trial.Graph, ref error, Of(changed, ranges.Count, "tensors"))) result = trial;
            }
        }

        cancellation.ThrowIfCancellationRequested();
        var reconstructed = result.Graph.Clone();
        var layers = WeightReconstruction.Apply(start, reconstructed, _settings, _images, _data.Threads, _events, cancellation);
        if (Keep("reconstruct layers", reconstructed, ref error, Of(layers.Count(layer => layer.ErrorAfter < layer.ErrorBefore), layers.Count, "layers"))) result = result with { Graph = reconstructed, Reconstruction = layers };
        // The scales for other tools are those of the float network that they are given, before its channels were scaled.
        return result with { Stages = _stages, Findings = calibrated.Findings, Ranges = calibrated.Ranges };
    }

    /// <summary>The network with equalised channels; null where nothing was scaled.</summary>
    private EqualizationResult? Equalized(CalibrationImages choose)
    {
        try
        {
            var result = ChannelEqualization.Apply(_float, _settings, choose, _data.Threads, repairsWeights: true, _events);
            return result.Classes.Any(channels => channels.KeptReason is null) ? result : null;
        }
        catch (PithException problem)
        {
            // An op without a gradient, for instance: how much noise matters where is not known then.
            _events?.Report(new Warning($"Channels are not equalised: {problem.Message}"));
            return null;
        }
    }

    /// <summary>The error by which equalisation is judged.</summary>
    private double Judged(Graph graph)
    {
        if (!_settings.PerChannel) return _judge.Of(graph);
        var activations = graph.Clone();
        FakeQuantization.KeepFloatWeights(activations);
        return _judge.Of(activations);
    }

    private bool Keep(string name, Graph graph, ref double error, string detail, bool? decided = null)
    {
        var after = _judge.Of(graph);
        var helps = decided ?? after < error;
        _stages.Add(new AccuracyStage(name, after, helps, detail));
        if (helps) error = after;
        return helps;
    }

    private static string Of(int count, int all, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} of {all} {what}");

    private static int ImagesFor(Graph graph, QuantizationEffort effort)
    {
        var work = graph.Nodes.Sum(node => (double)node.Op.Cost(node));
        var images = (int)Math.Clamp(BalancedWork / Math.Max(1, work), FewestImages, CalibrationRun.DefaultSamples);
        return effort == QuantizationEffort.Best ? 4 * images : images;
    }
}
