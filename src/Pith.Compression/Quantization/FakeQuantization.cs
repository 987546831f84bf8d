using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>A graph that simulates INT8, and how it came about.</summary>
public sealed record FakeQuantizationResult
{
    /// <summary>The graph with QuantizeLinear/DequantizeLinear pairs and float weights: to evaluate, to train on (QAT), or to <see cref="FakeQuantization.Finish"/>.</summary>
    public required Graph Graph { get; init; }

    /// <summary>What was done to each layer that could be quantized, in execution order.</summary>
    public required IReadOnlyList<LayerQuantization> Layers { get; init; }

    /// <summary>What the calibration lint noticed; empty when the ranges come from a cache.</summary>
    public required IReadOnlyList<CalibrationFinding> Findings { get; init; }

    /// <summary>Parameters by activation name.</summary>
    public required IReadOnlyDictionary<string, QuantizationParameters> Ranges { get; init; }

    /// <summary>What was done for accuracy, in order; empty when nothing was measured.</summary>
    public IReadOnlyList<AccuracyStage> Stages { get; init; } = [];

    /// <summary>What reconstruction did to each layer; empty when there was none.</summary>
    public IReadOnlyList<ReconstructedLayer> Reconstruction { get; init; } = [];

    /// <summary>What the pairs were inserted into, and with which ranges.</summary>
    internal QuantizationSource? Source { get; init; }

    /// <summary>The scales as a calibration cache that belongs to the float model.</summary>
    /// <param name="origin">The model's hash, the calibrator and the number of samples.</param>
    /// <exception cref="PithException">Activations are uint8, which the format cannot hold.</exception>
    public CalibrationCache ToCache(CalibrationCacheOrigin origin)
    {
        if (Ranges.Values.Any(range => range.DataType != DataType.Int8)) throw new PithException("A calibration cache holds scales of symmetric int8; these activations are uint8.");
        return new CalibrationCache(Ranges.Select(range => KeyValuePair.Create(range.Key, range.Value.Scales[0])), origin);
    }
}

/// <summary>A float network with ranges for its activations: all that <see cref="FakeQuantization.With"/> needs.</summary>
/// <param name="Float">The network, with channels equalised where that helped.</param>
/// <param name="Ranges">Parameters by activation name.</param>
internal sealed record QuantizationSource(Graph Float, IReadOnlyDictionary<string, QuantizationParameters> Ranges);

/// <summary>
/// Quantization in one call: find the places, calibrate, insert. The start is a float graph: simplified (BatchNormalization folded) for post-training quantization, or with
/// BatchNormalization kept for quantization-aware training.
/// </summary>
public static class FakeQuantization
{
    /// <summary>Calibrates on data and inserts the pairs into a copy of <paramref name="graph"/>.</summary>
    /// <exception cref="PithException">The options do not fit the graph, or calibration fails; see <see cref="QdqPlacement.Find"/> and <see cref="CalibrationRun.Observe"/>.</exception>
    public static FakeQuantizationResult Calibrate(Graph graph, QuantizationSettings options, CalibrationData data, IProgress<PithEvent>? events = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        var copy = graph.Clone();
        var placement = QdqPlacement.Find(copy, options);
        // Every layer stays in float: there is nothing to observe, and the layers say why.
        if (placement.Activations.Count == 0) return Insert(copy, placement, new Dictionary<string, QuantizationParameters>(), [], options);
        var statistics = CalibrationRun.Observe(copy, [.. placement.Activations.Select(activation => activation.Value.Name)], data, events);
        var findings = statistics.Tensors.SelectMany(tensor => CalibrationLint.CheckTensor(statistics.All(tensor), statistics.FirstHalf(tensor), options.Calibrator))
            .Concat(CalibrationLint.CheckClasses(data.Samples, statistics.ClassesSeen, data.Classes)).ToArray();
        return Insert(copy, placement, ActivationRanges.Calibrated(placement, statistics, options), findings, options);
    }

    /// <summary>Inserts the pairs with ranges that were chosen elsewhere into a copy of <paramref name="graph"/>.</summary>
    internal static FakeQuantizationResult With(Graph graph, QuantizationSettings options, IReadOnlyDictionary<string, QuantizationParameters> ranges, IReadOnlyList<CalibrationFinding> findings)
    {
        var copy = graph.Clone();
        return Insert(copy, QdqPlacement.Find(copy, options), ranges, [.. findings], options);
    }

    /// <summary>Takes the ranges from a cache and inserts the pairs into a copy of <paramref name="graph"/>.</summary>
    /// <exception cref="PithException">The cache is stale or lacks a tensor, or the options do not fit the graph.</exception>
    public static FakeQuantizationResult FromCache(Graph graph, QuantizationSettings options, CalibrationCache cache)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(cache);
        cache.RequireMadeFor(ModelHash.Of(graph));
        var copy = graph.Clone();
        var placement = QdqPlacement.Find(copy, options);
        return Insert(copy, placement, ActivationRanges.Cached(placement, cache, options), [], options);
    }

    /// <summary>Turns a graph with fake quantization, after QAT or at once, into the form that is exported and built; see <see cref="QuantizationPasses.Finish"/>.</summary>
    /// <param name="graph">Changed.</param>
    /// <param name="options">Those that the graph was quantized with.</param>
    /// <param name="events">Receives the passes that were applied.</param>
    public static void Finish(Graph graph, QuantizationSettings options, IProgress<PithEvent>? events = null) =>
        PassRunner.RunToFixpoint(graph, QuantizationPasses.Finish(options), events);

    /// <summary>A copy of <paramref name="graph"/> in which activations are rounded and weights are not.</summary>
    internal static Graph OfActivations(Graph graph, QuantizationSettings options, IReadOnlyDictionary<string, QuantizationParameters> ranges)
    {
        var copy = graph.Clone();
        InsertQdq.ApplyToActivations(copy, QdqPlacement.Find(copy, options), ranges);
        return copy;
    }

    private static FakeQuantizationResult Insert(Graph graph, QdqPlacement placement, IReadOnlyDictionary<string, QuantizationParameters> ranges, CalibrationFinding[] findings, QuantizationSettings options)
    {
        var layers = InsertQdq.Apply(graph, placement, ranges, options);
        GraphVerifier.Verify(graph);
        return new FakeQuantizationResult { Graph = graph, Layers = layers, Findings = findings, Ranges = ranges };
    }
}
