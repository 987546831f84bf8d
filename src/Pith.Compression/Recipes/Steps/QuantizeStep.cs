using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary><c>quantize</c>: post-training quantization. Folds batch norm, calibrates, inserts Q/DQ pairs, chooses ranges and integers for accuracy, stores weights as int8.</summary>
/// <param name="Quantization">How.</param>
public sealed record QuantizeStep(QuantizationSettings Quantization) : RecipeStep
{
    /// <summary>What is done for accuracy.</summary>
    public PostTrainingSettings PostTraining { get; init; } = new();

    /// <summary>How much it may cost: layers are moved to float until that holds.</summary>
    public SearchSettings Search { get; init; } = new();

    /// <inheritdoc/>
    public override string Kind => "quantize";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        if (Search.MaxDrop is not null && context.Group.Size > 1)
            throw new PithException($"The search of 'max_drop' does not share its work, and {context.Group.Size} processes were started together. Run it without mpirun, or as a step of a recipe, where the first process does it.");
        if (Search.MaxDrop is not null) return SearchedQuantization.Apply(graph, this, context);
        var calibrated = CalibrateAndInsertQdq.Apply(graph, Pipelines.Simplify, Quantization, PostTraining.Effort, context);
        FakeQuantization.Finish(calibrated.Graph, Quantization, context.Events);
        return calibrated;
    }

    /// <inheritdoc/>
    public override void Check()
    {
        Quantization.Check();
        Search.Check();
    }

    internal override bool ReadsTrainingData => true;

    internal override bool SpreadsOverRanks => Search.MaxDrop is null;

    // Without it a search takes training images that do not calibrate.
    internal override bool ReadsValidationData => Search.MaxDrop is not null;

    internal override IReadOnlyList<object> Parts => [Quantization, PostTraining, Search];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new QuantizeStep((QuantizationSettings)parts[0]) { PostTraining = (PostTrainingSettings)parts[1], Search = (SearchSettings)parts[2] };
}
