using System.Globalization;
using Pith.Compression.Reconstruction;

namespace Pith.Compression.Sparsity;

/// <summary>
/// One-shot pruning for networks that are not trained afterwards, in stages: by magnitude, then masks and weights by the error of each layer's results (<see cref="SparseReconstruction"/>), then statistics of batch norm
/// (<see cref="NormReestimation"/>). Each is measured at the outputs, on a quarter of the images, and undone where it does not help. These images decide how far weights may move, and then count for the weights as well, so the
/// error on new images is somewhat larger.
/// </summary>
internal static class OneShotPruning
{
    // 512 images of a CIFAR ResNet-56, 400 of a MobileNetV2 at 224x224, which takes 3e8.
    private const double Work = 1.2e11;

    /// <summary>Prunes a copy of <paramref name="graph"/>.</summary>
    /// <param name="graph">A float32 network; not changed.</param>
    /// <param name="settings">Which layers and pattern, and whether channels change places.</param>
    /// <param name="data">Calibration images.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <exception cref="PithException">As of <see cref="Prune24.Apply"/>; or the network cannot be run on the images.</exception>
    public static OneShotResult Apply(Graph graph, PruningSettings settings, CalibrationData data, PruningOptions options)
    {
        var images = CalibrationImages.Read(graph, data, CalibrationImages.CountFor(graph, Work, settings.Samples));
        var pruned = graph.Clone();
        var byMagnitude = Prune24.KeepingDense(pruned, settings, options, out var dense);
        if (byMagnitude.Masks.Count == 0) return new OneShotResult(pruned, byMagnitude, [], []);
        var patterns = byMagnitude.Layers.Where(layer => layer.Pattern is not null).ToDictionary(layer => layer.Name, layer => layer.Pattern!, StringComparer.Ordinal);
        var judge = new OutputError(dense, images.HeldOut(), options.Threads);
        var best = new OneShotResult(pruned, byMagnitude, [new("prune by magnitude", judge.Of(pruned), true, string.Create(CultureInfo.InvariantCulture, $"{patterns.Count} of {byMagnitude.Layers.Count} layers"))], []);
        if (settings.Method == PruningMethod.Hessian) best = Reconstructed(best, dense, patterns, images, judge, options);
        return WithStatistics(best, images, judge, options);
    }

    private static OneShotResult Reconstructed(OneShotResult start, Graph dense, IReadOnlyDictionary<string, SparsityPattern> patterns, CalibrationImages images, OutputError judge, PruningOptions options)
    {
        // Layers that are reconstructed start with their dense weights.
        var result = start.Graph.Clone();
        foreach (var node in result.Nodes)
            if (WeightOperand.Of(node) is { } weight && LayerWalk.Find(node).Layer is not null) result.SetConstant(weight.Constant, dense.Find(weight.Constant.Name)!.Constant!);
        var layers = SparseReconstruction.Apply(dense, result, patterns, images, options.Threads, options.Events, options.Cancellation);
        SparsityRecord.Verify(result, "pruning");
        var error = judge.Of(result);
        var next = start.Next("prune by second moments", error, string.Create(CultureInfo.InvariantCulture, $"{layers.Count(layer => layer.ErrorAfter < layer.ErrorBefore)} of {layers.Count} layers")) with { Layers = layers };
        return next.Stages[^1].IsKept ? next with { Graph = result, Pruning = WithMasksOf(result, dense, start.Pruning) } : next;
    }

    private static OneShotResult WithStatistics(OneShotResult start, CalibrationImages images, OutputError judge, PruningOptions options)
    {
        var result = start.Graph.Clone();
        var (measured, all) = NormReestimation.Apply(result, images, options.Threads);
        if (measured == 0) return start;
        var next = start.Next("measure batch norm again", judge.Of(result), string.Create(CultureInfo.InvariantCulture, $"{measured} of {all} batch norms"));
        return next.Stages[^1].IsKept ? next with { Graph = result } : next;
    }

    /// <summary>The masks of <paramref name="graph"/>, and what they keep of the dense weights' magnitude.</summary>
    private static PruneResult WithMasksOf(Graph graph, Graph dense, PruneResult result)
    {
        var masks = SparsityRecord.RecoverMasks(graph).Where(mask => result.Masks.ContainsKey(mask.Key)).ToDictionary(mask => mask.Key, mask => mask.Value, StringComparer.Ordinal);
        var magnitudes = masks.ToDictionary(mask => mask.Key, mask => dense.Find(mask.Key)!.Constant!.As<float>(), StringComparer.Ordinal);
        var sums = magnitudes.ToDictionary(weight => weight.Key, weight => weight.Value.Data.Sum(value => (double)Math.Abs(value)), StringComparer.Ordinal);
        var all = sums.Values.Sum();
        return result with
        {
            Masks = masks,
            Layers = [.. result.Layers.Select(layer => layer.SkipReason is null ? layer with { KeptMagnitude = masks[layer.Weight].KeptMagnitude(magnitudes[layer.Weight].Span) } : layer)],
            KeptMagnitude = all == 0 ? 1 : masks.Sum(mask => mask.Value.KeptMagnitude(magnitudes[mask.Key].Span) * sums[mask.Key]) / all,
        };
    }
}

/// <summary>What one-shot pruning made.</summary>
/// <param name="Graph">The sparse network.</param>
/// <param name="Pruning">Masks and layers.</param>
/// <param name="Stages">The error at the outputs after each stage.</param>
/// <param name="Layers">What was done to each layer.</param>
internal sealed record OneShotResult(Graph Graph, PruneResult Pruning, IReadOnlyList<AccuracyStage> Stages, IReadOnlyList<ReconstructedLayer> Layers)
{
    /// <summary>The same with one more stage, which is kept where it has less error than the best so far.</summary>
    public OneShotResult Next(string stage, double error, string detail) => this with { Stages = [.. Stages, new AccuracyStage(stage, error, error < Stages.Where(earlier => earlier.IsKept).Min(earlier => earlier.Error), detail)] };
}
