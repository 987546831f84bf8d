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
    public NetworkTrace Open(int threads, InputSize? size)
    {
        var options = new EngineOptions { MaxBatch = 1, Threads = threads, TimeTactics = false };
        if (EngineFile.IsPlan(Model)) return EngineTrace.Of(OpenEngine(options, null, size), threads);
        var graph = ModelFile.Load(Model, size);
        if (Stage == LiteralReading) return new InterpreterTrace(graph);
        if (OfEngine(options) is { } staged) return EngineTrace.Build(graph, staged);
        var simplified = graph.Clone();
        PassRunner.RunToFixpoint(simplified, Pipelines.Simplify);
        return new InterpreterTrace(simplified, graph);
    }

    /// <summary>Builds or loads the engine that the stage names.</summary>
    /// <exception cref="UsageException">The stage is run by the interpreter, or is not one of a plan.</exception>
    /// <exception cref="PithException">It cannot be loaded or built.</exception>
    public Engine OpenEngine(EngineOptions options, IProgress<PithEvent>? events, InputSize? size)
    {
        if (EngineFile.IsPlan(Model) && Stage != DefaultStage) throw new UsageException($"A plan is an engine; @{Stage} needs the ONNX file that '{Model}' was built from.");
        return EngineFile.Open(Model, OfEngine(options) ?? throw new UsageException($"@{Stage} is run by the interpreter, which is too slow for a whole dataset; choose one of {string.Join(", ", Stages.Where(stage => (this with { Stage = stage.Name }).OfEngine(options) is not null).Select(stage => "@" + stage.Name))}."), events, size);
    }

    /// <summary>The options of the engine that the stage names; null for a stage without an engine.</summary>
    private EngineOptions? OfEngine(EngineOptions options) => Stage switch
    {
        "literal" => options with { Literal = true },
        "reference" => options with { ReferenceOnly = true },
        "bf16" => options with { Bf16 = true },
        DefaultStage => options,
        _ => null,
    };

    /// <summary>What the network carries as metadata.</summary>
    /// <exception cref="PithException">It cannot be loaded.</exception>
    public IReadOnlyDictionary<string, string> Metadata(InputSize? size)
    {
        if (!EngineFile.IsPlan(Model)) return ModelFile.Load(Model, size).Metadata.AsReadOnly();
        using var engine = Engine.Load(Model);
        return engine.Metadata;
    }

    /// <summary>As the user writes it.</summary>
    public override string ToString() => Model + Separator + Stage;
}
