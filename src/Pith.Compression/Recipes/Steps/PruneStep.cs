namespace Pith.Compression.Recipes;

/// <summary><c>prune</c>: sets two of every four consecutive weights along the reduction axis to zero, by magnitude or by the error on calibration images; with V:2:4 the same two in V consecutive output channels.</summary>
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
        var options = new PruningOptions { Threads = context.Threads, Events = context.Events, Cancellation = context.Cancellation };
        if (Pruning.ReadsImages) return OneShot(graph, options, context);
        var pruned = graph.Clone();
        return Outcome(pruned, Prune24.Apply(pruned, Pruning, options));
    }

    /// <inheritdoc/>
    public override void Check() => Pruning.Check();

    internal override bool ReadsTrainingData => Pruning.ReadsImages;

    internal override IReadOnlyList<object> Parts => [Pruning];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new PruneStep((PruningSettings)parts[0]);

    private StepOutcome OneShot(Graph graph, PruningOptions options, StepContext context)
    {
        var start = FloatModel.CopyOf(graph, context.Stage, context.Events);
        var result = OneShotPruning.Apply(start, Pruning, DrawnImages.For(start, Pruning.Samples, Pruning.CalibrationSeed, context), options, context.OpenJournal(start, SettingsJson.Write(Pruning).ToJsonString()));
        return Outcome(result.Graph, result.Pruning) with { Accuracy = result.Stages, Reconstruction = result.Layers };
    }

    private static StepOutcome Outcome(Graph graph, PruneResult result) => new(graph) { Sparsity = result.Layers, KeptMagnitude = result.KeptMagnitude, Selection = result.Selection };
}
