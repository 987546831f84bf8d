namespace Pith.Compression.Recipes;

/// <summary><c>finetune</c>: trains on from where the weights are, with small steps, usually to recover from pruning. Layers that were pruned to 2:4 stay so.</summary>
/// <param name="Training">How.</param>
public sealed record FineTuneStep(TrainingSettings Training) : RecipeStep, ITrainingStep
{
    /// <inheritdoc/>
    public override string Kind => "finetune";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context) => TrainingRun.Apply(graph, this, context);

    /// <inheritdoc/>
    public override void Check() => Training.Check();

    internal override IReadOnlyList<object> Parts => [Training];

    StepOutcome ITrainingStep.Prepare(Graph graph, StepContext context) => TrainingRun.Prepare(graph, context);

    internal override RecipeStep With(IReadOnlyList<object> parts) => new FineTuneStep((TrainingSettings)parts[0]);
}
