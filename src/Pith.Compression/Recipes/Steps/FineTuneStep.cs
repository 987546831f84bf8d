namespace Pith.Compression.Recipes;

/// <summary><c>finetune</c>: trains on from where the weights are, with small steps, usually to recover from pruning. Layers that were pruned to 2:4 stay so.</summary>
/// <param name="Training">How.</param>
public sealed record FineTuneStep(TrainingSettings Training) : RecipeStep
{
    /// <inheritdoc/>
    public override string Kind => "finetune";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context) => TrainingRun.Apply(graph, Training, context);

    /// <inheritdoc/>
    public override void Check() => Training.Check();

    internal override IReadOnlyList<object> Parts => [Training];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new FineTuneStep((TrainingSettings)parts[0]);
}
