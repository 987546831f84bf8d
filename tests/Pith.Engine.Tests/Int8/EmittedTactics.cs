using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Runs a graph with each tactic of a family in turn.</summary>
internal static class EmittedTactics
{
    /// <summary>Fails unless the last convolution of the graph has a tactic of the family, and all of them give the bits that are wanted, twice, within the memory that is theirs.</summary>
    public static void CheckAll(Graph graph, int images, Device device, string family, Tensor<float> input, float[] want, string repro)
    {
        var options = new EngineOptions { MaxBatch = images, TimeTactics = false };
        using var first = EngineBuilder.Build(graph, options, device);
        var layer = first.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv);
        var tactics = layer.Verdicts.Where(verdict => verdict.Accepted && verdict.Tactic.Contains(family, StringComparison.Ordinal)).Select(verdict => verdict.Tactic).ToArray();
        Assert.NotEmpty(tactics);
        foreach (var tactic in tactics)
        {
            var planned = first.Layers.ToDictionary(layer => layer.Name, layer => new PlannedTactic(layer.Spec.ToString(), tactic, "a test asks for it", new Dictionary<string, double>()));
            using var engine = EngineBuilder.Build(graph, options, device, planned: planned);
            Assert.Equal(tactic, engine.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv).Tactic);
            using var run = new GuardedRun(engine, device.Threads);
            Assert.True(want.AsSpan().SequenceEqual(run.Run(input)), $"{tactic} {layer.Spec} {repro}");
            Assert.True(want.AsSpan().SequenceEqual(run.Run(input)), $"second run, {tactic} {layer.Spec} {repro}");
        }
    }
}
