using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Plans;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith;

/// <summary>
/// A network ready to run: layers with their tactics, packed weights and a memory plan. Immutable and thread-safe; memory that changes is in an
/// <see cref="EngineContext"/>, of which an engine has as many as are wanted.
/// </summary>
public sealed class Engine : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Graph _graph;
    private readonly EngineResources _resources;
    private readonly EngineOptions _options;
    private int _contexts;
    private bool _disposed;

    internal Engine(Graph graph, LoweredNetwork network, IReadOnlyList<BuiltLayer> layers, MemoryPlan memory, EngineResources resources, EngineOptions options)
    {
        _graph = graph;
        _resources = resources;
        _options = options;
        Network = network;
        Built = [.. layers];
        Memory = memory;
        Layers = [.. layers.Select(layer => layer.Info)];
        Inputs = [.. graph.Inputs.Select((input, i) => (input.Name, TypeOf(input, network.Inputs[i])))];
        Outputs = [.. graph.Outputs.Select((output, i) => (output.Name, TypeOf(output, network.Outputs[i])))];
        Metadata = graph.Metadata.AsReadOnly();
    }

    /// <summary>The name of the network.</summary>
    public string Name => _graph.Name;

    /// <summary>What the graph carried as metadata: preprocessing, class names, provenance.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Names and types of the inputs; a dimension that is symbolic here is the batch.</summary>
    public IReadOnlyList<(string Name, TensorType Type)> Inputs { get; }

    /// <summary>Names and types of the outputs; a dimension that is symbolic here grows with the batch.</summary>
    public IReadOnlyList<(string Name, TensorType Type)> Outputs { get; }

    /// <summary>The largest batch of a run; the only one when the graph's sizes are fixed.</summary>
    public int MaxBatch => Network.Shapes.MaxBatch;

    /// <summary>The smallest batch of a run.</summary>
    public int MinBatch => _options.MinBatch;

    /// <summary>Whether the engine was built with <see cref="EngineOptions.Observed"/>, so that its contexts take an <see cref="IValueObserver"/>.</summary>
    public bool ObservesValues => Network.Observed.Count > 0;

    /// <summary>The layers in execution order.</summary>
    public IReadOnlyList<LayerInfo> Layers { get; }

    /// <summary>Bytes of packed weights and other constants.</summary>
    public long WeightBytes => _resources.Bytes;

    /// <summary>Bytes of activations that each context holds at the largest batch, outputs included, with as many threads as the engine was built for.</summary>
    public long ActivationBytes => Memory.Bytes + Memory.OutputBytes + _resources.Device.Threads * Memory.ImageBytes;

    /// <summary>A copy of the network that the engine computes, with the constants shared.</summary>
    public Graph ToGraph() => _graph.Clone();

    internal LoweredNetwork Network { get; }

    internal BuiltLayer[] Built { get; }

    internal MemoryPlan Memory { get; }

    internal EngineResources Resources => _resources;

    /// <summary>
    /// Writes a plan: the simplified network, how it was built and what was chosen for each layer. It loads on any machine; weights are packed again there.
    /// </summary>
    /// <exception cref="PithException">The network has ops that a file cannot hold, or the file cannot be written.</exception>
    public void Save(string path) => PlanFile.Write(path, PlanManifest.Of(this, _options, _resources.Device).ToBytes(), _graph);

    /// <summary>Builds the engine that a plan describes, without timing anything.</summary>
    /// <param name="path">A file that <see cref="Save"/> wrote.</param>
    /// <param name="options">Null to build as the plan was; otherwise what to do differently, e.g. another batch or number of threads. Choices are kept for layers that stay what they were, and a plan that was built with <see cref="EngineOptions.Bf16"/> keeps it.</param>
    /// <param name="events">Receives decisions, and a <see cref="Warning"/> when the plan comes from another kind of machine, on which tactics are then chosen anew.</param>
    /// <exception cref="PithException">The file cannot be read, is not a plan of this version, or is damaged.</exception>
    public static Engine Load(string path, EngineOptions? options = null, IProgress<PithEvent>? events = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        LoadWarmUp.Start();
        using var plan = PlanFile.Open(path);
        var manifest = ManifestOf(plan, path);
        // What a plan may round is part of what it computes.
        options = options is null ? manifest.Options : options with { Bf16 = options.Bf16 || manifest.Bf16 };
        var device = EngineBuilder.DeviceFor(options);
        var isSameKind = device.Kind == manifest.Device;
        if (!isSameKind) events?.Report(new Warning($"The plan '{path}' was made for {manifest.Device}, this machine is {device.Kind}: tactics are chosen anew."));
        Engine? engine = null;
        try
        {
            engine = EngineBuilder.Build(OnnxModel.Load(plan.Network, external: _ => plan.OpenWeights()), options, device, events, isSameKind ? manifest.Tactics : null);
            plan.RequireIntact();
            LoadWarmUp.ReportFailure(events);
            return engine;
        }
        catch (Exception failure)
        {
            engine?.Dispose();
            // What does not build may be damaged, which says more.
            plan.RequireIntact();
            if (failure is PithException or IOException) throw new PithException($"'{path}': {failure.Message}", failure);
            throw;
        }
    }

    /// <summary>The options that a plan was built with, which <see cref="Load"/> takes when it is given none.</summary>
    /// <param name="path">A file that <see cref="Save"/> wrote.</param>
    /// <exception cref="PithException">The file cannot be read, is not a plan of this version, or is damaged.</exception>
    public static EngineOptions ReadOptions(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using var plan = PlanFile.Open(path);
        plan.RequireIntact();
        return PlanManifest.Parse(plan.Manifest, path).Options;
    }

    /// <summary>Creates a context with its own memory and threads.</summary>
    /// <param name="threads">Threads, the caller's included; 0 means as many as the engine was built for.</param>
    /// <param name="processors">
    /// The processors that the context's threads are bound to, one for each thread; the first is that of the caller's thread, which the context leaves alone (see
    /// <see cref="ThreadAffinity.PinCurrentThread"/>). Null to let the system choose.
    /// </param>
    /// <exception cref="PithException">There are too many threads, not as many processors as threads, or one is none of this process.</exception>
    /// <exception cref="ObjectDisposedException">The engine has been disposed.</exception>
    public EngineContext CreateContext(int threads = 0, IReadOnlyList<int>? processors = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        if (threads == 0) threads = processors?.Count ?? _resources.Device.Threads;
        if (processors is not null && (processors.Count != threads || processors.Any(processor => processor < 0)))
            throw new PithException($"A context of {threads} threads needs {threads} processors, got [{string.Join(", ", processors)}].");
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _contexts++;
        }
        try
        {
            return new EngineContext(this, threads, processors);
        }
        catch
        {
            ContextDisposed();
            throw;
        }
    }

    /// <summary>Frees the engine's memory, at once or when the last of its contexts is disposed. An engine that is forgotten is cleaned up by the garbage collector, after its contexts.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            if (_contexts == 0) _resources.Dispose();
        }
    }

    internal void ContextDisposed()
    {
        lock (_gate)
        {
            _contexts--;
            if (_disposed && _contexts == 0) _resources.Dispose();
        }
    }

    // What cannot be read may be damaged, which says more.
    private static PlanManifest ManifestOf(PlanFile plan, string path)
    {
        try
        {
            return PlanManifest.Parse(plan.Manifest, path);
        }
        catch (PithException)
        {
            plan.RequireIntact();
            throw;
        }
    }

    private TensorType TypeOf(Value value, Slot slot) =>
        value.Type.IsStatic || !Network.Shapes.IsFixed ? value.Type : new TensorType(value.Type.DataType, slot.Shape.At(MaxBatch).Dims.Select(Dim.Of).ToValueList());
}

/// <summary>A layer with what runs it.</summary>
internal sealed record BuiltLayer(Layer Layer, RunnableLayer Runnable, LayerInfo Info);
