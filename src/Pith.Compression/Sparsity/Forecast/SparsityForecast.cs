using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Sparsity;

/// <summary>
/// Says before any training what 2:4 and V:2:4 would bring on this machine: builds the INT8 form of a network with random weights, dense and with each pattern in every layer that takes it, and times the real
/// kernels in turn. Speed does not depend on the values of weights, so what is shown is what a trained network of that pattern will show.
/// </summary>
public static class SparsityForecast
{
    // Of quantization whose results nobody looks at.
    private const float AnyScale = 4f / 128;

    /// <summary>Forecasts.</summary>
    /// <param name="graph">A network, in floats or quantized; not changed.</param>
    /// <param name="settings">Patterns, batch, threads, target.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    /// <exception cref="PithException">The network cannot be quantized or built.</exception>
    public static ForecastResult Run(Graph graph, ForecastSettings settings, IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(settings);
        using var trial = new ForecastTrial(Int8Form(graph), settings, events, cancellation);
        foreach (var pattern in trial.Patterns()) trial.Time(pattern);
        return trial.Result(!IsQuantized(graph));
    }

    /// <summary>The network in INT8: as it is, or quantized with ranges that nobody measured, which speed does not depend on.</summary>
    internal static Graph Int8Form(Graph graph) => IsQuantized(graph) ? Simplified(graph) : Quantized(Simplified(Float32Form.IsNeeded(graph) ? Float32Form.Of(graph) : graph));

    private static bool IsQuantized(Graph graph) => graph.Nodes.Any(node => node.Op is QuantizeLinear or DequantizeLinear);

    private static Graph Simplified(Graph graph)
    {
        var copy = graph.Clone();
        PassRunner.RunToFixpoint(copy, Pipelines.Simplify);
        return copy;
    }

    private static Graph Quantized(Graph graph)
    {
        var settings = new QuantizationSettings();
        var placement = QdqPlacement.Find(graph, settings);
        var cache = new CalibrationCache(placement.Activations.Select(activation => KeyValuePair.Create(activation.Value.Name, AnyScale)), origin: null);
        var made = FakeQuantization.FromCache(graph, settings, cache).Graph;
        FakeQuantization.Finish(made, settings);
        return made;
    }
}
