namespace Pith.Compression;

/// <summary><c>train</c>: trains all weights, usually from a random start.</summary>
/// <param name="Training">How.</param>
public sealed record TrainStep(TrainingSettings Training) : RecipeStep
{
    /// <inheritdoc/>
    public override string Kind => "train";

    /// <inheritdoc/>
    public override Graph Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Train(graph, Training, new Dictionary<string, Mask24>());
    }

    /// <inheritdoc/>
    public override void Check() => Training.Check();

    internal override IReadOnlyList<object> Parts => [Training];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new TrainStep((TrainingSettings)parts[0]);

    internal override bool ReadsTrainingData => true;

    internal override bool ReadsValidationData => Training.Validation != ValidationMode.None;

    internal override IEnumerable<string> OtherStages => Training.Teacher is { } teacher ? [teacher] : [];
}
