namespace Pith.Cli.Verbs;

/// <summary>The one list of verbs, in the order of the workflow.</summary>
internal static class VerbCatalog
{
    public static IReadOnlyList<Verb> All { get; } =
    [
        new ModelsVerb(),
        new BenchVerb(),
        new EvalVerb(),
        new CompareVerb(),
    ];
}
