namespace Pith.Compression.Recipes;

/// <summary><c>prune</c>: sets two of every four consecutive weights along the reduction axis to zero, by magnitude.</summary>
/// <param name="Pruning">Which layers.</param>
public sealed record PruneStep(PruningSettings Pruning) : RecipeStep
{
    /// <inheritdoc/>
    public override string Kind => "prune";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var pruned = graph.Clone();
        return new StepOutcome(pruned) { Sparsity = Prune24.Apply(pruned, Pruning).Layers };
    }

    /// <inheritdoc/>
    public override void Check() { }

    internal override IReadOnlyList<object> Parts => [Pruning];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new PruneStep((PruningSettings)parts[0]);
}
