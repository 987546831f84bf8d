using Pith.Building;
using Pith.Kernels;
using Pith.Passes;
using Pith.Platform;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith;

/// <summary>Builds engines from graphs.</summary>
public static class EngineBuilder
{
    /// <summary>
    /// Simplifies a copy of <paramref name="graph"/>, fuses it into layers, chooses a tactic for each and plans memory.
    /// </summary>
    /// <param name="graph">The network; not changed. Its constants are shared until the engine is built.</param>
    /// <param name="options">Batch, threads and how tactics are chosen.</param>
    /// <param name="events">Receives passes that were applied and decisions about tactics.</param>
    /// <returns>An engine, which the caller disposes after its contexts.</returns>
    /// <exception cref="PithException">A size is not known, an observed name is not there, or a layer cannot be run exactly.</exception>
    public static Engine Build(Graph graph, EngineOptions options, IProgress<PithEvent>? events = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        var device = DeviceFor(options);
        var engine = Build(graph, options, device, events);
        if (Isa.HasAmx && (!Isa.Detected.Include(CpuFeatures.AmxInt8) || AmxPermission.IsRefused)) events?.Report(new Warning("This CPU has AMX, but the operating system refuses its use; AVX-512 VNNI is used instead, at an eighth of the rate."));
        return engine;
    }

    /// <summary>The layers that an engine would run, each with the tactic that is expected to be the fastest: nothing is packed, compiled or timed.</summary>
    /// <param name="graph">The network; not changed.</param>
    /// <param name="options">Batch and threads.</param>
    /// <exception cref="PithException">A size is not known, or a layer cannot be run exactly.</exception>
    public static IReadOnlyList<LayerInfo> Describe(Graph graph, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        options = options with { TimeTactics = false };
        var network = Lowering.Lower(Simplified(graph, options, null), options);
        using var resources = new EngineResources(DeviceFor(options));
        using var autotuner = new Autotuner(network, resources, options, null, null);
        return [.. network.Layers.Select((layer, i) => Describe(network, layer, autotuner.Choose(layer, network.BatchOf(i)), []))];
    }

    /// <summary>This machine, with the threads that are asked for.</summary>
    /// <exception cref="PithException">There are no or too many threads.</exception>
    internal static Device DeviceFor(EngineOptions options)
    {
        if (options.Threads is < 0 or > WorkerPool.MostThreads) throw new PithException($"An engine is built for 1 to {WorkerPool.MostThreads} threads (0: one per processor), got {options.Threads}.");
        return new Cpu(Isa.Current, options.Threads > 0 ? options.Threads : Math.Min(Environment.ProcessorCount, WorkerPool.MostThreads));
    }

    /// <summary>Builds for a device that may offer less than this machine, which is how tests run every instruction set.</summary>
    internal static Engine Build(Graph graph, EngineOptions options, Device device, IProgress<PithEvent>? events = null, IReadOnlyDictionary<string, PlannedTactic>? planned = null)
    {
        // Here, because options also come from plans.
        if (options.MinBatch < 1 || options.MinBatch > options.MaxBatch || options.OptBatch < 0 || options.OptBatch > options.MaxBatch || (options.OptBatch > 0 && options.OptBatch < options.MinBatch))
            throw new PithException($"Batches must be 1 <= smallest <= best <= largest, got {options.MinBatch}, {(options.OptBatch == 0 ? "-" : options.OptBatch)}, {options.MaxBatch}.");
        var copy = Simplified(graph, options, events);
        try
        {
            return Build(copy, Lowering.Lower(copy.Clone(), options), options, device, events, planned);
        }
        catch (OverflowException failure)
        {
            throw new PithException($"Graph '{graph.Name}' at batch {options.MaxBatch} has tensors larger than Pith can address. Build it for a smaller batch.", failure);
        }
    }

    // What is to be observed counts as an output while the graph is simplified, or it might be folded away: the input of a batch norm that follows another, say.
    private static Graph Simplified(Graph graph, EngineOptions options, IProgress<PithEvent>? events)
    {
        // The plain loops, and what runs as written, round to half precision wherever the graph does.
        var copy = Float32Form.HasHalf(graph) && !options.Literal && !options.ReferenceOnly ? Float32Form.OfHalf(graph) : graph.Clone();
        var outputs = copy.Outputs.Count;
        foreach (var name in options.Observed)
            if (copy.Find(name) is { Constant: null, IsGraphInput: false, IsGraphOutput: false } value) copy.AddOutput(value);
        PassRunner.RunToFixpoint(copy, Pipelines.Simplify, events);
        copy.KeepOutputs(outputs);
        return copy;
    }

    private static Engine Build(Graph graph, LoweredNetwork network, EngineOptions options, Device device, IProgress<PithEvent>? events, IReadOnlyDictionary<string, PlannedTactic>? planned)
    {
        var memory = MemoryPlanner.Plan(network);
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var needed = memory.Bytes + memory.OutputBytes + device.Threads * memory.ImageBytes + network.Inputs.Sum(input => input.Bytes(network.Shapes.MaxBatch));
        if (needed > available) throw new PithException($"Graph '{graph.Name}' at batch {network.Shapes.MaxBatch} needs {needed >> 20} MiB for activations, this machine has {available >> 20} MiB. Build it for a smaller batch.");
        var resources = new EngineResources(device);
        // Loading a plan leaves nothing behind, and somebody waits for the first answer.
        if (planned is null) ReturnUnusedMemory(network);
        try
        {
            return new Engine(graph, network, BuildLayers(network, resources, options, planned, events), memory, resources, options);
        }
        catch
        {
            resources.Dispose();
            throw;
        }
    }

    // Tactics are chosen one layer after the other, because choosing may mean measuring; the chosen ones are built side by side.
    private static BuiltLayer[] BuildLayers(LoweredNetwork network, EngineResources resources, EngineOptions options, IReadOnlyDictionary<string, PlannedTactic>? planned, IProgress<PithEvent>? events)
    {
        // Patterns are part of what a layer is: those of large weights take milliseconds.
        Parallel.ForEach(network.Layers.OfType<ContractionLayer>(), layer => layer.Int8?.Pattern(layer.Groups));
        var layers = new BuiltLayer[network.Layers.Count];
        var chosen = new TacticChoice[layers.Length];
        using (var autotuner = new Autotuner(network, resources, options, planned, events))
            for (var i = 0; i < layers.Length; i++) chosen[i] = autotuner.Choose(network.Layers[i], network.BatchOf(i));
        var failure = new FirstFailure();
        Parallel.For(0, layers.Length, (i, loop) =>
        {
            try
            {
                var (layer, choice) = (network.Layers[i], chosen[i]);
                var own = new BuildResources(resources, network.BatchOf(i));
                var runnable = choice.Tactic.Build(layer, own);
                var whole = layer.Output.Border.IsEmpty || runnable.WritesBorder ? runnable : new BorderedLayer(runnable, layer.Output);
                layers[i] = new BuiltLayer(layer, whole, Describe(network, layer, choice, own.KernelNames));
            }
            catch (Exception thrown)
            {
                // Layers before this one are built nevertheless, so that the failure that is reported is always the same.
                failure.Add(i, thrown);
                loop.Break();
            }
        });
        failure.ThrowIfAny();
        return layers;
    }

    // What reading the model left behind is as large as its weights, which are about to be packed: without this a process would hold both at its peak. Takes some tens of milliseconds.
    private static void ReturnUnusedMemory(LoweredNetwork network)
    {
        const long worthwhile = 8 << 20;
        if (network.Layers.Sum(layer => layer.Weights.Sum(weight => (long)weight.Bytes.Length)) >= worthwhile) GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private static LayerInfo Describe(LoweredNetwork network, Layer layer, TacticChoice choice, IReadOnlyList<string> kernels)
    {
        var weights = layer.Weights.ToArray();
        var elements = weights.Sum(weight => (long)weight.Length);
        return new LayerInfo
        {
            Name = layer.Name,
            Spec = choice.Spec,
            Nodes = layer.Nodes,
            Operands = layer.Inputs.OfType<Slot>().Where(slot => slot.Owner.Kind != SlotKind.Constant).Select(slot => new LayerOperand(slot.Name, slot.TypeText, network.Producers.GetValueOrDefault(slot.Owner, -1))).ToValueList(),
            Outputs = layer.Outputs.Select(slot => slot.Name).ToValueList(),
            Tactic = choice.Tactic.Name,
            Kernels = kernels.ToValueList(),
            ReferenceReason = choice.ReferenceReason,
            Precision = choice.Tactic.Precision(layer),
            DeferredVerdicts = choice.Verdicts,
            Macs = layer.Macs,
            WeightBytes = weights.Sum(weight => (long)weight.Length * weight.DataType.SizeInBytes()),
            WeightSparsity = layer.HasWeights && elements > 0 ? (double)weights.Sum(Zeros) / elements : null,
        };
    }

    private static long Zeros(Tensor weight)
    {
        if (weight is Tensor<sbyte> int8) return int8.Span.Count((sbyte)0);
        if (weight is Tensor<float> fp32) return fp32.Span.Count(0f);
        var size = weight.DataType.SizeInBytes();
        var bytes = weight.Bytes;
        long zeros = 0;
        for (var at = 0; at < bytes.Length; at += size)
            if (!bytes.Slice(at, size).ContainsAnyExcept((byte)0)) zeros++;
        return zeros;
    }
}
