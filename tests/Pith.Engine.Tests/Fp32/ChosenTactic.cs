using Pith.Tactics;

namespace Pith.EngineTests.Fp32;

/// <summary>Engines whose last convolution, matrix product or input gradient runs with a tactic that a test wants.</summary>
internal static class ChosenTactic
{
    /// <summary>An engine, and its last convolution or matrix product. Fails when the tactic refuses that.</summary>
    public static (Engine Engine, LayerInfo Layer) Build(Graph graph, EngineOptions options, Device device, string tactic)
    {
        using var first = EngineBuilder.Build(graph, options, device);
        var wanted = Last(first);
        var planned = new Dictionary<string, PlannedTactic> { [wanted.Name] = new(wanted.Spec.ToString(), tactic, "a test asks for it", new Dictionary<string, double>()) };
        var engine = EngineBuilder.Build(graph, options, device, planned: planned);
        var layer = Last(engine);
        Assert.True(layer.Tactic == tactic, $"{layer.Spec}: expected {tactic}, got {layer.Tactic}");
        return (engine, layer);
    }

    /// <summary>Whether a layer is a convolution, a matrix product or a gradient of one with respect to its input.</summary>
    public static bool IsContraction(LayerInfo layer) => layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm || layer.Spec.Detail.StartsWith(nameof(Ops.ConvInputGradient), StringComparison.Ordinal);

    private static LayerInfo Last(Engine engine) => engine.Layers.Last(IsContraction);
}
