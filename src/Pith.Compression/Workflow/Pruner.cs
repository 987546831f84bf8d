using Pith.Compression.Data;

namespace Pith;

/// <summary>Makes networks 2:4 sparse: <c>pith prune</c> as a call. Thread-safe.</summary>
public static class Pruner
{
    /// <summary>Sets two of every four weights along the reduction axis to zero.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="settings">Which layers, which pattern, which method; null: 2:4 by magnitude.</param>
    /// <param name="images">What <see cref="PruningMethod.Hessian"/> chooses masks and weights by; labels are not read. Null for magnitudes.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <returns>The pruned network, and what became of each layer.</returns>
    /// <exception cref="PithException">A setting is out of range, the network is quantized, or the method needs images.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static StepOutcome Prune(Graph graph, PruningSettings? settings = null, ImageDataset? images = null, WorkOptions? options = null) =>
        Workflow.Run(new PruneStep(settings ?? new PruningSettings()), graph, images, options);
}
