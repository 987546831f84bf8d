using Pith.Passes;

namespace Pith.Cli.Verbs;

/// <summary>A network and the way in which it is run: <c>net.onnx@reference</c>.</summary>
/// <param name="Model">An ONNX file, a plan or a built-in network.</param>
/// <param name="Stage">One of <see cref="Stages"/>.</param>
internal sealed record StagedModel(string Model, string Stage)
{
    public const string DefaultStage = "engine";

    /// <summary>The stage that owes nothing to passes, fusion and kernels.</summary>
    public const string LiteralReading = "interpreter";

    private const char Separator = '@';

    /// <summary>The stages with their meaning, in the order of what is done to a network.</summary>
    public static IReadOnlyList<(string Name, string Meaning)> Stages { get; } =
    [
        (LiteralReading, "the graph as it is"),
        ("simplified", "after the passes"),
        ("literal", "Q/DQ run in float"),
        ("reference", "fused, plain loops"),
        (DefaultStage, "fused, fast; the default"),
        ("bf16", "the same, float layers in bfloat16"),
    ];

    /// <summary>Splits at the last @, unless the whole is a file: names of files may hold one.</summary>
    /// <param name="text">What the user gave.</param>
    /// <param name="stage">The stage when none is given.</param>
    /// <exception cref="UsageException">There is no such stage.</exception>
    public static StagedModel Parse(string text, string stage = DefaultStage)
    {
        var at = text.LastIndexOf(Separator);
        if (at < 0 || File.Exists(text)) return new StagedModel(text, stage);
        var (model, named) = (text[..at], text[(at + 1)..]);
        if (Stages.Any(known => known.Name == named)) return new StagedModel(model, named);
        throw new UsageException($"There is no file '{text}', and '@{named}' is not a stage. Expected one of {string.Join(", ", Stages.Select(known => "@" + known.Name))}.");
    }

    /// <summary>Prepares the network for being run and seen, at batch 1 or at its own fixed batch.</summary>
    /// <exception cref="PithException">It cannot be loaded or built.</exception>
    public NetworkTrace Open(int threads, ImageSize? size)
    {
        var options = new EngineOptions { MaxBatch = 1, Threads = threads, TimeTactics = false };
        if (EngineFile.IsPlan(Model))
            return Stage == DefaultStage ? EngineTrace.Of(EngineFile.Open(Model, options, null, size), threads) : throw new UsageException($"A plan is an engine; @{Stage} needs the ONNX file that '{Model}' was built from.");
        var graph = ModelFile.Load(Model, size);
        switch (Stage)
        {
            case LiteralReading:
                return new InterpreterTrace(graph);
            case "simplified":
                var simplified = graph.Clone();
                PassRunner.RunToFixpoint(simplified, Pipelines.Simplify);
                return new InterpreterTrace(simplified, graph);
            case "literal":
                return EngineTrace.Build(graph, options with { Literal = true });
            case "reference":
                return EngineTrace.Build(graph, options with { ReferenceOnly = true });
            case "bf16":
                return EngineTrace.Build(graph, options with { Bf16 = true });
            default:
                return EngineTrace.Build(graph, options);
        }
    }

    /// <summary>What the network carries as metadata.</summary>
    /// <exception cref="PithException">It cannot be loaded.</exception>
    public IReadOnlyDictionary<string, string> Metadata(ImageSize? size)
    {
        if (!EngineFile.IsPlan(Model)) return ModelFile.Load(Model, size).Metadata.AsReadOnly();
        using var engine = Engine.Load(Model);
        return engine.Metadata;
    }

    /// <summary>As the user writes it.</summary>
    public override string ToString() => Model + Separator + Stage;
}
