namespace Pith.Cli.Verbs;

/// <summary>The argument of verbs that run a network: an ONNX file, a built-in network, or a plan that <c>pith build</c> wrote.</summary>
internal static class EngineFile
{
    public const string PlanSuffix = ".plan";

    public const string Help = "An ONNX file, a plan (pith build), or the name of a built-in network.";

    /// <summary>True when <paramref name="model"/> names a plan.</summary>
    public static bool IsPlan(string model) => model.EndsWith(PlanSuffix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Loads the plan, or builds an engine. A plan keeps its choices of kernels; batch and threads are those asked for.</summary>
    /// <param name="model">What the user gave.</param>
    /// <param name="options">Batch, threads and how tactics are chosen.</param>
    /// <param name="events">Receives decisions.</param>
    /// <param name="size">The size of the images when the network leaves it open. A plan has its size: it must be this one.</param>
    /// <exception cref="PithException">The file is missing, damaged or not supported, or the network does not take images of this size.</exception>
    public static Engine Open(string model, EngineOptions options, IProgress<PithEvent>? events, InputSize? size = null)
    {
        if (!IsPlan(model)) return EngineBuilder.Build(ModelFile.Load(model, size), options, events);
        var engine = Engine.Load(model, options, events);
        try
        {
            size?.Bind(model, engine.Inputs);
            return engine;
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }
}
