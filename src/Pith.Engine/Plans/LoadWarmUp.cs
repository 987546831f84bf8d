using System.Runtime.CompilerServices;
using Pith.Ops;

namespace Pith.Plans;

/// <summary>
/// Builds and runs a small quantized network on another thread, once in a process, while the first plan is read. What building needs (the runtime's compiler, the assembler's tables) is then ready
/// when the plan's own network comes to it: of a first load's 250 ms it takes some 80 off.
/// </summary>
internal static class LoadWarmUp
{
    private const int Channels = 16;

    private static int s_isStarted;
    private static Task? s_task;

    /// <summary>Starts it, unless it was started before, there is only one processor, which has other things to do, or the program was compiled ahead of time, so that nothing is left to prepare.</summary>
    public static void Start()
    {
        if (RuntimeFeature.IsDynamicCodeCompiled && Environment.ProcessorCount > 1 && Interlocked.Exchange(ref s_isStarted, 1) == 0) Volatile.Write(ref s_task, Task.Run(BuildAndRun));
    }

    /// <summary>
    /// Says once that the warm-up failed. Nothing depends on it but time: the plan itself is built by the same code, which throws what there is to throw. Reported from here, on the thread of a load,
    /// because receivers of events need not be thread-safe.
    /// </summary>
    public static void ReportFailure(IProgress<PithEvent>? events)
    {
        if (events is null || Volatile.Read(ref s_task) is not { IsFaulted: true } task || Interlocked.CompareExchange(ref s_task, null, task) != task) return;
        events.Report(new Warning($"Preparing the first load of a plan failed, which costs nothing but time: {task.Exception.InnerException!.Message}"));
    }

    private static void BuildAndRun()
    {
        using var engine = EngineBuilder.Build(Network(), new EngineOptions { Threads = 1, TimeTactics = false });
        using var context = engine.CreateContext();
        context.Run();
    }

    // The layers that most networks consist of: stem, pointwise with residual, pooling, classifier.
    private static Graph Network()
    {
        var graph = new Graph("warm-up");
        var image = Quantized(graph, graph.AddInput("image", TensorType.Float32([Dim.Named("N"), Dim.Of(3), Dim.Of(8), Dim.Of(8)])));
        var stem = Quantized(graph, graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, Quantized(graph, graph.Add(new Relu(), Convolved(graph, image, 3, 3)))));
        var block = Quantized(graph, graph.Add(new Relu(), graph.Add(new Add(), Quantized(graph, Convolved(graph, stem, Channels, 1)), stem)));
        var pooled = Quantized(graph, graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), block)));
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, pooled, Weights(graph, new Shape(Channels, Channels))));
        return graph;
    }

    private static Value Convolved(Graph graph, Value x, int channels, int kernel) =>
        graph.Add(new Conv { Window = WindowAttributes.Uniform(kernel, 1, kernel / 2) with { KernelShape = [] } }, x, Weights(graph, new Shape(Channels, channels, kernel, kernel)));

    private static Value Weights(Graph graph, Shape shape) => graph.Add(
        new DequantizeLinear { Axis = 0 }, graph.AddConstant("w", Tensor.Zeros<sbyte>(shape)), graph.AddConstant("w_scale", Tensor.Vector<float>([.. Enumerable.Repeat(0.5f, Channels)])));

    private static Value Quantized(Graph graph, Value x)
    {
        var (scale, zero) = (graph.AddConstant("scale", Tensor.Scalar(0.5f)), graph.AddConstant("zero", Tensor.Scalar((byte)0)));
        return graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, scale, zero), scale, zero);
    }
}
