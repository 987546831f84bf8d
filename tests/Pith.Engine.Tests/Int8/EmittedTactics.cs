using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>The emitted kernels of the catalog, and runs of a graph with each of them.</summary>
internal static class EmittedTactics
{
    /// <summary>The families of the catalog with their tactics, each on the weakest device here that has it.</summary>
    public static IReadOnlyList<(ConvKernelFamily Family, Device Device, EmittedConv[] Tactics)> Families { get; } = [.. Find()];

    /// <summary>Runs the last convolution of a graph with each tactic of the families that takes it; fails unless all give the bits that are wanted.</summary>
    public static void CheckAll(Graph graph, int images, Func<ConvKernelFamily, bool> which, Tensor<float> input, float[] want, string repro)
    {
        var checkedTactics = 0;
        foreach (var device in Families.Where(entry => which(entry.Family)).GroupBy(entry => entry.Device))
        {
            var tactics = device.SelectMany(entry => entry.Tactics).Select(tactic => tactic.Name).ToHashSet();
            checkedTactics += Check(graph, images, device.Key, tactics.Contains, input, want, repro);
        }
        Assert.SkipUnless(checkedTactics > 0, $"no kernel of this CPU takes the layer: {repro}");
    }

    /// <summary>Fails unless all accepted tactics of some names give the bits that are wanted, twice, within the memory that is theirs; returns how many these are.</summary>
    public static int Check(Graph graph, int images, Device device, Func<string, bool> names, Tensor<float> input, float[] want, string repro)
    {
        var options = new EngineOptions { MaxBatch = images, TimeTactics = false };
        using var first = EngineBuilder.Build(graph, options, device);
        var layer = first.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv);
        var tactics = layer.Verdicts.Where(verdict => verdict.Accepted && names(verdict.Tactic)).Select(verdict => verdict.Tactic).ToArray();
        foreach (var tactic in tactics)
        {
            var planned = first.Layers.ToDictionary(layer => layer.Name, layer => new PlannedTactic(layer.Spec.ToString(), tactic, "a test asks for it", new Dictionary<string, double>()));
            using var engine = EngineBuilder.Build(graph, options, device, planned: planned);
            Assert.Equal(tactic, engine.Layers.Last(layer => layer.Spec.Kind == LayerKind.Conv).Tactic);
            using var run = new GuardedRun(engine, device.Threads);
            Assert.True(want.AsSpan().SequenceEqual(run.Run(input)), $"{tactic} {layer.Spec} {repro}");
            Assert.True(want.AsSpan().SequenceEqual(run.Run(input)), $"second run, {tactic} {layer.Spec} {repro}");
        }
        return tactics.Length;
    }

    private static IEnumerable<(ConvKernelFamily, Device, EmittedConv[])> Find()
    {
        var known = new HashSet<string>();
        foreach (var device in TestDevice.Levels.Select(level => TestDevice.At(level)))
            foreach (var family in device.Tactics.OfType<EmittedConv>().Where(tactic => tactic.Family.Refuses(device) is null && known.Add(tactic.Name)).GroupBy(tactic => tactic.Family))
                yield return (family.Key, device, [.. family]);
    }
}
