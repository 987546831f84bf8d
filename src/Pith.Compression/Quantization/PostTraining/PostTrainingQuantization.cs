using System.Globalization;
using Pith.Compression.Distribution;
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
    private readonly StepJournal _journal;
    private readonly List<AccuracyStage> _stages = [];

    private PostTrainingQuantization(Graph graph, QuantizationSettings settings, QuantizationEffort effort, CalibrationData data, IProgress<PithEvent>? events, StepJournal journal)
    {
        _journal = journal;
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
    /// <param name="journal">Keeps stages and layers as they are done; what an earlier run has left there is not done again. The result is the same, bit for bit.</param>
    /// <exception cref="PithException">The settings do not fit the graph, or it cannot be run on the images.</exception>
    public static FakeQuantizationResult Apply(Graph graph, QuantizationSettings settings, QuantizationEffort effort, CalibrationData data, IProgress<PithEvent>? events, CancellationToken cancellation, StepJournal? journal = null)
    {
        var calibrated = FakeQuantization.Calibrate(graph, settings, data, events);
        if (effort == QuantizationEffort.Fast || calibrated.Layers.All(layer => layer.SkipReason is not null)) return calibrated with { Source = new(graph, calibrated.Ranges) };
        // The other stages are not shared: the first rank goes on by itself, and what the others return is not written.
        if (!data.Group.IsFirst) return calibrated;
        return new PostTrainingQuantization(graph, settings, effort, data with { Group = ProcessGroup.Single }, events, journal ?? StepJournal.None).Improve(calibrated, cancellation);
    }

    private FakeQuantizationResult Improve(FakeQuantizationResult calibrated, CancellationToken cancellation)
    {
        var plain = new Candidate("as they are", _float, calibrated, _judge.Of(calibrated.Graph));
        Report("calibrate", plain.Error, true, $"{_settings.Calibrator}");
        cancellation.ThrowIfCancellationRequested();
        var choose = _images.ToChooseBy();
        var (start, other) = (plain, (Candidate?)null);
        if (_journal.Once("equalize channels", () => Equalize(choose)) is { } factors)
        {
            var equalized = ChannelEqualization.With(_float, _settings, factors.OfUnits);
            var result = FakeQuantization.Calibrate(equalized, _settings, _data, _events);
            var scaled = new Candidate("equalized", equalized, result, _judge.Of(result.Graph));
            var helps = OfActivations(scaled) < OfActivations(plain);
            Report("equalize channels", scaled.Error, helps, Of(factors.Scaled, factors.Sets, "sets of channels"));
            (start, other) = helps ? (scaled, plain) : (plain, scaled);
        }
        start = Ranged(start, choose, report: true, cancellation);
        if (_effort == QuantizationEffort.Best && other is not null)
        {
            // What new images do to channels at the end of their range shows in the end only, and only on images that reconstruction has not seen.
            other = Ranged(other, choose, report: false, cancellation);
            var (error, otherError) = (Reconstructed(start, choose, 0, cancellation).Error, Reconstructed(other, choose, 0, cancellation).Error);
            Report($"all of this with channels {other.Name}", otherError, otherError < error, string.Create(CultureInfo.InvariantCulture, $"weights fitted to other images: {-10 * Math.Log10(error):F1} dB without"));
            if (otherError < error) start = other;
        }
        var best = Rounded(start, cancellation);
        // The scales for other tools are those of the float network that they are given, before its channels were scaled.
        return best.Result with { Stages = _stages, Findings = calibrated.Findings, Ranges = calibrated.Ranges, Source = new(best.Float, best.Result.Ranges) };
    }

    /// <summary>The candidate with better ranges.</summary>
    private Candidate Ranged(Candidate candidate, CalibrationImages choose, bool report, CancellationToken cancellation)
    {
        // A calibrator that was asked for is the one that is used.
        if (_settings.Calibrator is not AutoCalibrator) return candidate;
        cancellation.ThrowIfCancellationRequested();
        var (start, images) = (candidate.Result.Ranges, choose.First(Math.Max(FewestForRanges, ImagesFor(_float, _effort) / 4)));
        var scales = _journal.Once($"{candidate.Name}/choose ranges", () =>
            RangeSearch.Apply(candidate.Float, start, _settings, images, _data.Threads, _events, cancellation).ToDictionary(range => range.Key, range => range.Value.Scales[0], StringComparer.Ordinal));
        var ranges = start.ToDictionary(range => range.Key, range => scales[range.Key] == range.Value.Scales[0] ? range.Value : range.Value.WithScale(scales[range.Key]), StringComparer.Ordinal);
        var changed = ranges.Count(range => range.Value != start[range.Key]);
        if (changed == 0) return candidate;
        var result = FakeQuantization.With(candidate.Float, _settings, ranges, []);
        var next = candidate with { Result = result, Error = _judge.Of(result.Graph) };
        var helps = OfActivations(next) < OfActivations(candidate);
        if (report) Report("choose ranges", next.Error, helps, Of(changed, ranges.Count, "tensors"));
        return helps ? next : candidate;
    }

    /// <summary>The candidate with reconstructed layers, once or as often as it helps.</summary>
    private Candidate Rounded(Candidate candidate, CancellationToken cancellation)
    {
        for (var pass = 0; pass < (_effort == QuantizationEffort.Best ? MaxPasses : 1); pass++)
        {
            var next = Reconstructed(candidate, _images, pass, cancellation);
            var layers = next.Result.Reconstruction;
            var helps = next.Error < candidate.Error;
            Report(pass == 0 ? "reconstruct layers" : "reconstruct layers again", next.Error, helps, Of(layers.Count(layer => layer.ErrorAfter < layer.ErrorBefore), layers.Count, "layers"), isFitted: true);
            if (!helps) break;
            candidate = next;
        }
        return candidate;
    }

    private Candidate Reconstructed(Candidate candidate, CalibrationImages images, int pass, CancellationToken cancellation)
    {
        var graph = candidate.Result.Graph.Clone();
        var step = string.Create(CultureInfo.InvariantCulture, $"{candidate.Name}/reconstruct {pass} on {images.Count}");
        var layers = WeightReconstruction.Apply(candidate.Float, graph, _settings, images, _effort == QuantizationEffort.Best ? 4 : 1, _data.Threads, _events, _journal, step, cancellation);
        return candidate with { Result = candidate.Result with { Graph = graph, Reconstruction = layers }, Error = _judge.Of(graph) };
    }

    /// <summary>The factors that equalise the channels; null where nothing is to be scaled.</summary>
    private Factors? Equalize(CalibrationImages choose)
    {
        try
        {
            var result = ChannelEqualization.Apply(_float, _settings, choose, _data.Threads, repairsWeights: true, _events);
            var scaled = result.Classes.Count(channels => channels.KeptReason is null);
            return scaled > 0 ? new Factors(result.Factors, scaled, result.Classes.Count) : null;
        }
        catch (PithException problem)
        {
            // An op without a gradient, for instance: how much noise matters where is not known then.
            _events?.Report(new Warning($"Channels are not equalised: {problem.Message}"));
            return null;
        }
    }

    /// <summary>The error that activations cause: rounding of weights, which is repaired later, would hide it. With one scale for a whole weight no rounding repairs that, and all of the error counts.</summary>
    private double OfActivations(Candidate candidate) => _settings.PerChannel ? _judge.Of(FakeQuantization.OfActivations(candidate.Float, _settings, candidate.Result.Ranges)) : candidate.Error;

    private void Report(string name, double error, bool isKept, string detail, bool isFitted = false) => _stages.Add(new AccuracyStage(name, error, isKept, detail) { IsFitted = isFitted });

    private static string Of(int count, int all, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} of {all} {what}");

    private static int ImagesFor(Graph graph, QuantizationEffort effort)
    {
        var images = CalibrationImages.CountFor(graph, BalancedWork, CalibrationRun.DefaultSamples);
        return effort == QuantizationEffort.Best ? 4 * images : images;
    }

    /// <summary>The factors of all units, and how many sets of channels they scale.</summary>
    private sealed record Factors(double[][] OfUnits, int Scaled, int Sets);

    /// <summary>A float network, with what became of its channels as a name, the quantized one that was made of it, and the error of that.</summary>
    private sealed record Candidate(string Name, Graph Float, FakeQuantizationResult Result, double Error);
}
