using System.Globalization;
using Pith.Compression.Reconstruction;

namespace Pith.Compression.Sparsity;

/// <summary>
/// One-shot pruning for networks that are not trained afterwards, in stages: by magnitude, then masks and weights by the error of each layer's results (<see cref="SparseReconstruction"/>), then statistics of batch norm
/// (<see cref="NormReestimation"/>). Each is measured at the outputs, on a quarter of the images, which nothing was fitted to, and undone where it does not help. What was chosen is then fitted to all images.
/// </summary>
internal sealed class OneShotPruning
{
    // 512 images of a CIFAR ResNet-56, 400 of a MobileNetV2 at 224x224, which takes 3e8.
    private const double Work = 1.2e11;

    private readonly Graph _dense, _byMagnitude;
    private readonly Dictionary<string, SparsityPattern> _patterns;
    private readonly CalibrationImages _images;
    private readonly PruningOptions _options;
    private readonly StepJournal _journal;

    private OneShotPruning(Graph dense, Graph byMagnitude, PruneResult result, CalibrationImages images, PruningOptions options, StepJournal journal)
    {
        (_dense, _byMagnitude, _images, _options) = (dense, byMagnitude, images, options);
        _patterns = result.Layers.Where(layer => layer.Pattern is not null).ToDictionary(layer => layer.Name, layer => layer.Pattern!, StringComparer.Ordinal);
        // Patterns may have been chosen by times, which differ from run to run.
        _journal = journal.Section(ModelHash.Of(byMagnitude));
    }

    /// <summary>Prunes a copy of <paramref name="graph"/>.</summary>
    /// <param name="graph">A float32 network; not changed.</param>
    /// <param name="settings">Which layers and pattern, and whether channels change places.</param>
    /// <param name="data">Calibration images.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <param name="journal">Keeps each layer as it is done; what an earlier run has left there is not done again. The result is the same, bit for bit.</param>
    /// <exception cref="PithException">As of <see cref="Prune24.Apply"/>; or the network cannot be run on the images.</exception>
    public static OneShotResult Apply(Graph graph, PruningSettings settings, CalibrationData data, PruningOptions options, StepJournal? journal = null)
    {
        var images = CalibrationImages.Read(graph, data, CalibrationImages.CountFor(graph, Work, settings.Samples));
        var pruned = graph.Clone();
        var byMagnitude = Prune24.KeepingDense(pruned, settings, options, out var dense);
        if (byMagnitude.Masks.Count == 0) return new OneShotResult(pruned, byMagnitude, [], []);
        return new OneShotPruning(dense, pruned, byMagnitude, images, options, journal ?? StepJournal.None).Run(byMagnitude, settings.Method);
    }

    private OneShotResult Run(PruneResult byMagnitude, PruningMethod method)
    {
        var judge = new OutputError(_dense, _images.HeldOut(), _options.Threads);
        var result = new OneShotResult(_byMagnitude, byMagnitude, [new("prune by magnitude", judge.Of(_byMagnitude), true, Of(_patterns.Count, byMagnitude.Layers.Count, "layers"))], []);
        IReadOnlyList<SparseChoice>? choices = null;
        if (method == PruningMethod.Hessian)
        {
            var (candidate, made) = Reconstruct(null);
            ReconstructedLayer[] layers = [.. made.Select(choice => choice.Report)];
            result = result.Next("prune by second moments", candidate, judge.Of(candidate), Of(layers.Count(layer => layer.ErrorAfter < layer.ErrorBefore), layers.Length, "layers")) with { Layers = layers };
            if (result.Stages[^1].IsKept) choices = made;
        }
        var measured = result.Graph.Clone();
        var (norms, all) = NormReestimation.Apply(measured, _images.ToChooseBy(), _options.Threads);
        if (norms > 0) result = result.Next("measure batch norm again", measured, judge.Of(measured), Of(norms, all, "batch norms"));
        if (_options.FitsAllImages)
        {
            var fitted = choices is null ? _byMagnitude.Clone() : Reconstruct(choices).Graph;
            if (norms > 0 && result.Stages[^1].IsKept) NormReestimation.Apply(fitted, _images, _options.Threads);
            result = result with { Graph = fitted };
        }
        return choices is null ? result : result with { Pruning = WithMasksOf(result.Graph, _dense, byMagnitude) };
    }

    /// <summary>The network with sparse layers and moved weights. Layers that are reconstructed start with their dense weights.</summary>
    private (Graph Graph, IReadOnlyList<SparseChoice> Choices) Reconstruct(IReadOnlyList<SparseChoice>? choices)
    {
        var graph = _byMagnitude.Clone();
        foreach (var node in graph.Nodes)
            if (WeightOperand.Of(node) is { } weight && LayerWalk.Find(node).Layer is not null) graph.SetConstant(weight.Constant, _dense.Find(weight.Constant.Name)!.Constant!);
        var made = SparseReconstruction.Apply(_dense, graph, _patterns, _images, choices, _options, _journal);
        SparsityRecord.Verify(graph, "pruning");
        return (graph, made);
    }

    private static string Of(int count, int all, string what) => string.Create(CultureInfo.InvariantCulture, $"{count} of {all} {what}");

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
/// <param name="Stages">The error at the outputs after each stage, on images that the weights were not fitted to.</param>
/// <param name="Layers">What was done to each layer.</param>
internal sealed record OneShotResult(Graph Graph, PruneResult Pruning, IReadOnlyList<AccuracyStage> Stages, IReadOnlyList<ReconstructedLayer> Layers)
{
    /// <summary>The same with one more stage, whose network is kept where it has less error than the best so far.</summary>
    public OneShotResult Next(string stage, Graph graph, double error, string detail)
    {
        var isKept = error < Stages.Where(earlier => earlier.IsKept).Min(earlier => earlier.Error);
        return this with { Graph = isKept ? graph : Graph, Stages = [.. Stages, new AccuracyStage(stage, error, isKept, detail)] };
    }
}
