namespace Pith.Cli.Verbs;

/// <summary>The argument of verbs that run a network: an ONNX file, a built-in network, or a plan that <c>pith build</c> wrote.</summary>
internal static class EngineFile
{
    public const string PlanSuffix = ".plan";

    public const string Help = "An ONNX file, a plan (pith build), or the name of a built-in network.";

    /// <summary>True when <paramref name="model"/> names a plan.</summary>
    public static bool IsPlan(string model) => model.EndsWith(PlanSuffix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Loads the plan, or builds an engine. A plan keeps its choices of kernels; batch and threads are those asked for.</summary>
    /// <exception cref="PithException">The file is missing, damaged or not supported.</exception>
    public static Engine Open(string model, EngineOptions options, IProgress<PithEvent>? events) =>
        IsPlan(model) ? Engine.Load(model, options, events) : EngineBuilder.Build(ModelFile.Load(model), options, events);
}
