using System.Globalization;
using Pith.Compression.Reconstruction;

namespace Pith.Compression.Sparsity;

/// <summary>One-shot pruning for networks that are not trained afterwards: by magnitude, then masks and weights by the error of each layer's results (<see cref="SparseReconstruction"/>). Both are measured at the outputs, on a quarter of the images, and the better one is the result. These images decide how far weights may move, and then count for the weights as well, so the error on new images is somewhat larger.</summary>
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
        // Layers that are reconstructed start with their dense weights.
        var result = pruned.Clone();
        foreach (var node in result.Nodes)
            if (WeightOperand.Of(node) is { } weight && LayerWalk.Find(node).Layer is not null) result.SetConstant(weight.Constant, dense.Find(weight.Constant.Name)!.Constant!);
        var layers = SparseReconstruction.Apply(dense, result, patterns, images, options.Threads, options.Events, options.Cancellation);
        SparsityRecord.Verify(result, "pruning");

        var judge = new OutputError(dense, images.HeldOut(), options.Threads);
        var (before, after) = (judge.Of(pruned), judge.Of(result));
        AccuracyStage[] stages =
        [
            new("prune by magnitude", before, true, string.Create(CultureInfo.InvariantCulture, $"{patterns.Count} of {byMagnitude.Layers.Count} layers")),
            new("prune by second moments", after, after < before, string.Create(CultureInfo.InvariantCulture, $"{layers.Count(layer => layer.ErrorAfter < layer.ErrorBefore)} of {layers.Count} layers")),
        ];
        return after < before ? new OneShotResult(result, WithMasksOf(result, dense, byMagnitude), stages, layers) : new OneShotResult(pruned, byMagnitude, stages, layers);
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
/// <param name="Stages">The error at the outputs, by magnitude and by second moments.</param>
/// <param name="Layers">What was done to each layer.</param>
internal sealed record OneShotResult(Graph Graph, PruneResult Pruning, IReadOnlyList<AccuracyStage> Stages, IReadOnlyList<ReconstructedLayer> Layers);
