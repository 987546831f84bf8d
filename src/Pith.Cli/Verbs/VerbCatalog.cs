namespace Pith.Cli.Verbs;

/// <summary>The one list of verbs, in the order of the workflow.</summary>
internal static class VerbCatalog
{
    /// <summary>All verbs, new ones at each call: the parser writes into their options, so each command line has its own.</summary>
    public static IReadOnlyList<Verb> Create() =>
    [
        new DemoVerb(),
        new ModelsVerb(),
        new ExportVerb(),
        new InfoVerb(),
        new ShowVerb(),
        new TrainVerb(),
        new ForecastVerb(),
        new PruneVerb(),
        new FineTuneVerb(),
        new QuantizeVerb(),
        new OptimizeVerb(),
        new QatVerb(),
        new FoldPreprocessingVerb(),
        new SurgeonVerb(),
        new CheckVerb(),
        new BuildVerb(),
        new ExplainVerb(),
        new BenchVerb(),
        new SweepVerb(),
        new EvalVerb(),
        new InferVerb(),
        new CompareVerb(),
        new DebugVerb(),
        new RunVerb(),
        new ServeVerb(),
        new ClientVerb(),
    ];
}
