using Pith.Tactics;

namespace Pith;

/// <summary>Builds an engine for a graph and the sizes of its inputs, and keeps it while they stay what they are.</summary>
internal sealed class EngineRunner(string name, EngineOptions options, Device? device = null) : NetworkRunner(name)
{
    private Graph? _graph;
    private (string Symbol, int Size)[] _bound = [];
    private EngineContext? _context;

    public override IReadOnlyList<Tensor> Run(FedGraph fed)
    {
        ArgumentNullException.ThrowIfNull(fed);
        (string Name, TensorType Type)[] inputs = [.. fed.Graph.Inputs.Select(input => (input.Name, input.Type))];
        var sizes = SymbolSizes.Of(inputs, fed.Inputs);
        var batchSymbol = SymbolSizes.Batch(inputs);
        // An engine has batches of 1 and more; without a single row every size is that of the data.
        int? batch = batchSymbol is null || sizes[batchSymbol] == 0 ? null : sizes[batchSymbol];
        // Exporters give the batch of each input a name of its own: what leads an input and has the size of the batch is the batch.
        var open = batch is null ? [] : inputs.Where(input => input.Type.Rank > 0).SelectMany(input => input.Type[0].Symbols).Where(symbol => sizes[symbol] == batch).ToHashSet(StringComparer.Ordinal);
        var context = ContextFor(fed.Graph, [.. sizes.Where(size => !open.Contains(size.Key)).Select(size => (size.Key, size.Value))], batch);
        for (var i = 0; i < inputs.Length; i++) context.SetInput(inputs[i].Name, fed.Inputs[i]);
        context.Run(batch ?? context.Engine.MaxBatch);
        return [.. context.Engine.Outputs.Select(output => context.OutputTensor(output.Name))];
    }

    protected override void Dispose(bool disposing)
    {
        Release();
        base.Dispose(disposing);
    }

    private EngineContext ContextFor(Graph graph, (string Symbol, int Size)[] bound, int? batch)
    {
        if (_context is { } context && ReferenceEquals(graph, _graph) && bound.AsSpan().SequenceEqual(_bound) && Runs(context.Engine, batch)) return context;
        Release();
        // Only the batch stays open: every other size is that of the data.
        var settled = bound.Length == 0 ? graph : graph.Clone(bound);
        var engine = BuildFor(settled, batch ?? 1);
        try
        {
            _context = engine.CreateContext();
        }
        finally
        {
            // Its memory stays as long as the context.
            engine.Dispose();
        }
        (_graph, _bound) = (graph, bound);
        return _context;
    }

    private Engine BuildFor(Graph graph, int batch)
    {
        if (options.MaxBatch > batch)
        {
            try
            {
                var engine = Build(graph, options.MaxBatch);
                if (Runs(engine, batch)) return engine;
                engine.Dispose();
            }
            catch (PithException)
            {
                // The network may be valid at one batch only, and the data says at which.
            }
        }
        return Build(graph, batch);
    }

    private Engine Build(Graph graph, int batch)
    {
        var settings = options with { MaxBatch = batch, OptBatch = 0, MinBatch = 1, TimeTactics = false };
        return device is null ? EngineBuilder.Build(graph, settings) : EngineBuilder.Build(graph, settings, device);
    }

    private static bool Runs(Engine engine, int? batch) => batch is not { } size || (engine.Network.Shapes.IsFixed ? engine.MaxBatch == size : size <= engine.MaxBatch);

    private void Release()
    {
        _context?.Dispose();
        (_context, _graph) = (null, null);
    }
}
