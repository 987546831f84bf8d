namespace Pith.Compression.Recipes;

/// <summary><c>train</c>: trains all weights, usually from a random start.</summary>
/// <param name="Training">How.</param>
public sealed record TrainStep(TrainingSettings Training) : RecipeStep, ITrainingStep
{
    /// <inheritdoc/>
    public override string Kind => "train";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context) => TrainingRun.Apply(graph, this, context);

    /// <inheritdoc/>
    public override void Check() => Training.Check();

    internal override IReadOnlyList<object> Parts => [Training];

    StepOutcome ITrainingStep.Prepare(Graph graph, StepContext context) => TrainingRun.Prepare(graph, context);

    internal override RecipeStep With(IReadOnlyList<object> parts) => new TrainStep((TrainingSettings)parts[0]);
}
