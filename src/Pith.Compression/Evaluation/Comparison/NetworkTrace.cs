namespace Pith.Compression.Evaluation;

/// <summary>One way to run a network that shows the tensors in between: what <see cref="TensorComparison"/> compares. One caller at a time.</summary>
public abstract class NetworkTrace : IDisposable
{
    /// <summary>The inputs, in order.</summary>
    public abstract IReadOnlyList<(string Name, TensorType Type)> Inputs { get; }

    /// <summary>Names of the outputs, in order.</summary>
    public abstract IReadOnlyList<string> Outputs { get; }

    /// <summary>Whether the network has a value of this name, shown or only inside of a fused layer.</summary>
    public abstract bool Has(string name);

    /// <summary>Runs one batch.</summary>
    /// <param name="inputs">One tensor per input.</param>
    /// <param name="see">Called with the name and a row-major copy of each tensor in execution order, the outputs included. A name comes at most once.</param>
    /// <exception cref="PithException">The inputs do not fit.</exception>
    public abstract void Run(IReadOnlyList<Tensor> inputs, Action<string, Tensor> see);

    /// <summary>Frees what the trace holds.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what a derived trace holds.</summary>
    protected virtual void Dispose(bool disposing) { }
}

/// <summary>The graph as it is, run by the reference interpreter.</summary>
public sealed class InterpreterTrace : NetworkTrace
{
    private readonly Graph _graph;
    private readonly HashSet<string> _names;

    /// <summary>Traces <paramref name="graph"/>, which must not change meanwhile.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="network">The network that <paramref name="graph"/> was made of by passes; null for the graph itself.</param>
    public InterpreterTrace(Graph graph, Graph? network = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        _graph = graph;
        _names = [.. (network ?? graph).Values.Select(value => value.Name)];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Outputs => [.. _graph.Outputs.Select(output => output.Name)];

    /// <inheritdoc/>
    public override bool Has(string name) => _names.Contains(name);

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, TensorType Type)> Inputs => [.. _graph.Inputs.Select(input => (input.Name, input.Type))];

    /// <inheritdoc/>
    public override void Run(IReadOnlyList<Tensor> inputs, Action<string, Tensor> see)
    {
        ArgumentNullException.ThrowIfNull(see);
        var outputs = GraphInterpreter.Run(_graph, inputs, (value, tensor) => see(value.Name, tensor));
        // An output that no node computes is an input or a constant.
        foreach (var (output, tensor) in _graph.Outputs.Zip(outputs))
            if (output.Producer is null) see(output.Name, tensor);
    }
}

/// <summary>An engine. The values between its layers are shown as far as they have names in the graph; nothing is fused differently for it.</summary>
public sealed class EngineTrace : NetworkTrace, IValueObserver
{
    private readonly Engine _engine;
    private readonly EngineContext _context;
    private Action<string, Tensor>? _see;

    private readonly HashSet<string> _names;

    private EngineTrace(Engine engine, Graph network, int threads)
    {
        _engine = engine;
        _names = [.. network.Values.Select(value => value.Name)];
        _context = engine.CreateContext(threads);
        if (engine.ObservesValues) _context.Observer = this;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(string Name, TensorType Type)> Inputs => _engine.Inputs;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Outputs => [.. _engine.Outputs.Select(output => output.Name)];

    /// <inheritdoc/>
    public override bool Has(string name) => _names.Contains(name);

    /// <summary>Traces some values of an engine for <paramref name="graph"/>. They exist whatever would be fused otherwise.</summary>
    /// <exception cref="PithException">The graph cannot be built.</exception>
    public static EngineTrace Build(Graph graph, EngineOptions options, IReadOnlyCollection<string> observed)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        return new EngineTrace(EngineBuilder.Build(graph, options with { Observed = observed }), graph, options.Threads);
    }

    /// <summary>Traces an engine for <paramref name="graph"/>: builds it once to learn which values its layers write, and once to see them.</summary>
    /// <exception cref="PithException">The graph cannot be built.</exception>
    public static EngineTrace Build(Graph graph, EngineOptions options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(options);
        HashSet<string> written;
        using (var probe = EngineBuilder.Build(graph, options)) written = [.. probe.Layers.SelectMany(layer => layer.Outputs)];
        var observed = graph.Nodes.SelectMany(node => node.Outputs).Select(output => output.Name).Where(written.Contains).ToArray();
        return Build(graph, options, observed);
    }

    /// <summary>Traces an engine that exists, for example a loaded plan, and disposes it in the end. Only its outputs are shown.</summary>
    public static EngineTrace Of(Engine engine, int threads)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return new(engine, engine.ToGraph(), threads);
    }

    /// <inheritdoc/>
    public override void Run(IReadOnlyList<Tensor> inputs, Action<string, Tensor> see)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        _see = (name, tensor) =>
        {
            if (seen.Add(name)) see(name, tensor);
        };
        var sizes = SymbolSizes.Of(_engine.Inputs, inputs);
        for (var i = 0; i < inputs.Count; i++) _context.SetInput(_engine.Inputs[i].Name, inputs[i]);
        _context.Run(SymbolSizes.Batch(_engine.Inputs) is { } batch ? sizes[batch] : _engine.MaxBatch);
        foreach (var (name, _) in _engine.Outputs) _see(name, _context.OutputTensor(name));
    }

    /// <inheritdoc/>
    public void Observe(in ObservedValue value) => _see?.Invoke(value.Name, value.ToTensor());

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _context.Dispose();
        _engine.Dispose();
        base.Dispose(disposing);
    }
}
