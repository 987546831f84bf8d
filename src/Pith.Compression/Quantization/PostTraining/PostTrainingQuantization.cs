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
    private const int FewestForRanges = 48;
    private const int MaxPasses = 3;

    private readonly Graph _float;
    private readonly QuantizationSettings _settings;
    private readonly CalibrationData _data;
    private readonly IProgress<PithEvent>? _events;
    private readonly CalibrationImages _images;
    private readonly OutputError _judge;
    private readonly QuantizationEffort _effort;
    private readonly List<AccuracyStage> _stages = [];

    private PostTrainingQuantization(Graph graph, QuantizationSettings settings, QuantizationEffort effort, CalibrationData data, IProgress<PithEvent>? events)
    {
        (_float, _settings, _effort, _data, _events) = (graph, settings, effort, data, events);
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
        return new PostTrainingQuantization(graph, settings, effort, data, events).Improve(calibrated, cancellation);
    }

    private FakeQuantizationResult Improve(FakeQuantizationResult calibrated, CancellationToken cancellation)
    {
        var plain = new Candidate(_float, calibrated, _judge.Of(calibrated.Graph));
        Report("calibrate", plain.Error, true, $"{_settings.Calibrator}");
        cancellation.ThrowIfCancellationRequested();
        var choose = _images.ToChooseBy();
        var (start, other) = (plain, (Candidate?)null);
        if (Equalized(choose) is { } equalized)
        {
            var result = FakeQuantization.Calibrate(equalized.Graph, _settings, _data, _events);
            var scaled = new Candidate(equalized.Graph, result, _judge.Of(result.Graph));
            var helps = OfActivations(result.Graph) < OfActivations(calibrated.Graph);
            Report("equalize channels", scaled.Error, helps, Of(equalized.Classes.Count(channels => channels.KeptReason is null), equalized.Classes.Count, "sets of channels"));
            (start, other) = helps ? (scaled, plain) : (plain, scaled);
        }
        var best = Finish(start, choose, cancellation);
        if (_effort == QuantizationEffort.Best && other is not null)
        {
            // What new images do to channels at the end of their range shows in the end only.
            var reported = _stages.Count;
            var alternative = Finish(other, choose, cancellation);
            _stages.RemoveRange(reported, _stages.Count - reported);
            Report(ReferenceEquals(other, plain) ? "all of this without equalized channels" : "all of this with equalized channels", alternative.Error, alternative.Error < best.Error, "");
            if (alternative.Error < best.Error) best = alternative;
        }
        // The scales for other tools are those of the float network that they are given, before its channels were scaled.
        return best.Result with { Stages = _stages, Findings = calibrated.Findings, Ranges = calibrated.Ranges };
    }

    /// <summary>Ranges, then weights.</summary>
    private Candidate Finish(Candidate candidate, CalibrationImages choose, CancellationToken cancellation)
    {
        // A calibrator that was asked for is the one that is used.
        if (_settings.Calibrator is AutoCalibrator)
        {
            cancellation.ThrowIfCancellationRequested();
            var images = choose.First(Math.Max(FewestForRanges, ImagesFor(_float, _effort) / 4));
            var ranges = RangeSearch.Apply(candidate.Float, candidate.Result.Ranges, _settings, images, _data.Threads, _events, cancellation);
            var changed = ranges.Count(range => range.Value != candidate.Result.Ranges[range.Key]);
            if (changed > 0)
            {
                var result = FakeQuantization.With(candidate.Float, _settings, ranges, []);
                var next = candidate with { Result = result, Error = _judge.Of(result.Graph) };
                var helps = OfActivations(result.Graph) < OfActivations(candidate.Result.Graph);
                Report("choose ranges", next.Error, helps, Of(changed, ranges.Count, "tensors"));
                if (helps) candidate = next;
            }
        }
        for (var pass = 0; pass < (_effort == QuantizationEffort.Best ? MaxPasses : 1); pass++)
        {
            var graph = candidate.Result.Graph.Clone();
            var layers = WeightReconstruction.Apply(candidate.Float, graph, _settings, _images, _effort == QuantizationEffort.Best ? 4 : 1, _data.Threads, _events, cancellation);
            var next = candidate with { Result = candidate.Result with { Graph = graph, Reconstruction = layers }, Error = _judge.Of(graph) };
            var helps = next.Error < candidate.Error;
            Report(pass == 0 ? "reconstruct layers" : "reconstruct layers again", next.Error, helps, Of(layers.Count(layer => layer.ErrorAfter < layer.ErrorBefore), layers.Count, "layers"));
            if (!helps) break;
            candidate = next;
        }
        return candidate;
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

    /// <summary>The error that activations cause: rounding of weights, which is repaired later, would hide it. With one scale for a whole weight no rounding repairs that, and all of the error counts.</summary>
    private double OfActivations(Graph graph)
    {
        if (!_settings.PerChannel) return _judge.Of(graph);
        var activations = graph.Clone();
        FakeQuantization.KeepFloatWeights(activations);
        return _judge.Of(activations);
    }

    private void Report(string name, double error, bool isKept, string detail) => _stages.Add(new AccuracyStage(name, error, isKept, detail));

    private static string Of(int count, int all, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} of {all} {what}");

    private static int ImagesFor(Graph graph, QuantizationEffort effort)
    {
        var images = CalibrationImages.CountFor(graph, BalancedWork, CalibrationRun.DefaultSamples);
        return effort == QuantizationEffort.Best ? 4 * images : images;
    }

    /// <summary>A float network, the quantized one that was made of it, and the error of that.</summary>
    private sealed record Candidate(Graph Float, FakeQuantizationResult Result, double Error);
}
