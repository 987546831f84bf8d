using Pith.Passes;

namespace Pith.Building;

/// <summary>The passes that the engine runs on its own copy of a graph before it fuses layers, in order.</summary>
internal static class LoweringPasses
{
    /// <summary>Runs them to a fixpoint; values in <see cref="EngineOptions.Observed"/> keep their names.</summary>
    public static void Run(Graph graph, EngineOptions options)
    {
        var outputs = graph.Outputs.Count;
        // An output is neither swallowed nor removed.
        foreach (var name in options.Observed)
            if (graph.Find(name) is { Producer: not null, IsGraphOutput: false } observed) graph.AddOutput(observed);
        foreach (var stage in Stages(options)) PassRunner.RunToFixpoint(graph, stage);
        graph.KeepOutputs(outputs);
    }

    private static Pass[][] Stages(EngineOptions options) =>
    [
        [new Rank3AsImages(), new RemoveDeadNodes()], // before everything that looks for images; alone, because PropagateQdq moves quantization to the other side of its Squeeze
        [
            new ConvTransposeAsConvs(),
            new FindGroupNormalization(),
            new AlignConstants(),
            new ElementwiseBeforeInterleave(), // activations and quantization are next to the convolutions then
            .. options.Literal ? Array.Empty<Pass>() : [new SignedWeights(), new PropagateQdq(options.Observed.ToHashSet(StringComparer.Ordinal)), new FuseLayerNormalization(options.Observed.ToHashSet(StringComparer.Ordinal))],
            new RemoveDeadNodes(),
        ],
    ];
}
