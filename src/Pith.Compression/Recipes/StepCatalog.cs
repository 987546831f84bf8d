namespace Pith.Compression.Recipes;

/// <summary>Every kind of step. A new one is a record beside these and a line here: recipes, the command line and tests follow.</summary>
public static class StepCatalog
{
    /// <summary>Each step with its default settings, in the order of the workflow.</summary>
    public static IReadOnlyList<RecipeStep> All { get; } =
    [
        new TrainStep(TrainingSettings.FromScratch),
        new PruneStep(new PruningSettings()),
        new FineTuneStep(TrainingSettings.FineTune),
        new QuantizeStep(new QuantizationSettings()),
        new OptimizeStep(new QuantizationSettings()),
        new QatStep(new QuantizationSettings(), TrainingSettings.QuantizationAware),
    ];

    /// <summary>The step called <paramref name="kind"/> with its default settings.</summary>
    /// <exception cref="PithException">There is none; the message names the closest.</exception>
    public static RecipeStep Find(string kind) =>
        All.FirstOrDefault(step => step.Kind == kind) ?? throw new PithException($"There is no step '{kind}'. {ClosestNames.Suggestion(kind, All.Select(step => step.Kind))}");
}
