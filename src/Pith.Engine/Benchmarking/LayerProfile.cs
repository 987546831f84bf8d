using Pith.Kernels;

namespace Pith.Benchmarking;

/// <summary>The per-layer table of an engine: what each layer is and how long it takes.</summary>
public static class LayerProfile
{
    /// <summary>Profiles a context at its engine's largest batch. The times are medians over <paramref name="runs"/> runs of their own, after one that does not count.</summary>
    public static IReadOnlyList<LayerResult> Of(EngineContext context, int runs)
    {
        ArgumentNullException.ThrowIfNull(context);
        return InTurn([context], runs)[0];
    }

    /// <summary>Profiles several contexts, run by run in turn, so that a change of the machine's speed meets all alike.</summary>
    /// <returns>The layers of each context, in the same order.</returns>
    public static IReadOnlyList<IReadOnlyList<LayerResult>> InTurn(IReadOnlyList<EngineContext> contexts, int runs)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        ArgumentOutOfRangeException.ThrowIfLessThan(runs, 1);
        var seconds = contexts.Select(context => context.Engine.Layers.Select(_ => new double[runs]).ToArray()).ToArray();
        foreach (var context in contexts) context.Run();
        for (var run = 0; run < runs; run++)
            for (var c = 0; c < contexts.Count; c++)
            {
                var times = contexts[c].Profile(contexts[c].Engine.MaxBatch);
                for (var i = 0; i < times.Count; i++) seconds[c][i][run] = times[i].Seconds;
            }
        return [.. contexts.Select((context, c) => Of(context, [.. seconds[c].Select(times => LatencyStatistics.Of(times).MedianSeconds)]))];
    }

    private static LayerResult[] Of(EngineContext context, double[] seconds)
    {
        var total = Math.Max(seconds.Sum(), double.Epsilon);
        var patterns = Patterns(context.Engine.ToGraph());
        return [.. context.Engine.Layers.Select((layer, i) => Of(layer, seconds[i], total, context, patterns))];
    }

    // What is not there has no zeros to speak of.
    private static Dictionary<string, string> Patterns(Graph graph) => graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>()
        .Select(weight => (weight.Node.Name, WeightSparsity.Of(weight).Pattern)).Where(layer => layer.Pattern is not null)
        .ToDictionary(layer => layer.Name, layer => layer.Pattern!.ToString(), StringComparer.Ordinal);

    private static LayerResult Of(LayerInfo layer, double seconds, double total, EngineContext context, Dictionary<string, string> patterns)
    {
        double? rate = layer.Macs > 0 && seconds > 0 ? (double)layer.Macs * context.Engine.MaxBatch / seconds : null;
        var runnerUp = layer.Verdicts.Where(verdict => verdict.Tactic != layer.Tactic && verdict.Seconds is not null).MinBy(verdict => verdict.Seconds);
        return new LayerResult
        {
            Name = layer.Name,
            Kind = layer.Spec.Kind.ToString(),
            Tactic = layer.Tactic,
            Kernels = layer.Kernels,
            Precision = layer.Precision,
            ReferenceReason = layer.ReferenceReason,
            Sparsity = layer.WeightSparsity is null ? null : patterns.GetValueOrDefault(layer.Name, "dense"),
            ZeroShare = layer.WeightSparsity,
            Macs = layer.Macs,
            WeightBytes = layer.WeightBytes,
            Microseconds = 1e6 * seconds,
            TimeShare = seconds / total,
            MacsPerSecond = rate,
            PeakShare = rate / PeakRate.MacsPerSecond(context.Engine.Resources.Device, layer.Precision, context.Threads),
            RunnerUp = runnerUp?.Tactic,
            RunnerUpMicroseconds = 1e6 * runnerUp?.Seconds,
        };
    }
}
