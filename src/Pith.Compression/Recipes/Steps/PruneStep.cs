namespace Pith.Compression.Recipes;

/// <summary><c>prune</c>: sets two of every four consecutive weights along the reduction axis to zero, by magnitude; with V:2:4 the same two in V consecutive output channels.</summary>
/// <param name="Pruning">Which layers, to which pattern, in which order of channels.</param>
public sealed record PruneStep(PruningSettings Pruning) : RecipeStep
{
    /// <inheritdoc/>
    public override string Kind => "prune";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        var pruned = graph.Clone();
        var result = Prune24.Apply(pruned, Pruning, new PruningOptions { Threads = context.Threads, Events = context.Events, Cancellation = context.Cancellation });
        return new StepOutcome(pruned) { Sparsity = result.Layers, KeptMagnitude = result.KeptMagnitude, Selection = result.Selection };
    }

    /// <inheritdoc/>
    public override void Check() => Pruning.Check();

    internal override IReadOnlyList<object> Parts => [Pruning];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new PruneStep((PruningSettings)parts[0]);
}
