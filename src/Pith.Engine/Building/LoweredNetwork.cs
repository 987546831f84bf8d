namespace Pith.Building;

/// <summary>A network as a list of layers in execution order over numbered slots.</summary>
/// <param name="Shapes">The shapes behind the slots.</param>
/// <param name="Slots">Every slot, at its own index.</param>
/// <param name="Layers">The layers.</param>
/// <param name="Inputs">What the caller writes, in the graph's order.</param>
/// <param name="Outputs">What the caller reads, row-major, in the graph's order.</param>
/// <param name="Observed">The slots behind <see cref="EngineOptions.Observed"/>.</param>
internal sealed record LoweredNetwork(
    BatchShapes Shapes, IReadOnlyList<Slot> Slots, IReadOnlyList<Layer> Layers, IReadOnlyList<Slot> Inputs, IReadOnlyList<Slot> Outputs, IReadOnlyList<Slot> Observed)
{
    /// <summary>By the slot that has the memory of a value, the position of the layer that writes it.</summary>
    public IReadOnlyDictionary<Slot, int> Producers { get; } = ProducersOf(Layers);

    /// <summary>How many layers at the start run image by image; see <see cref="ImagePrefix"/>.</summary>
    public int PerImage { get; init; }

    /// <summary>The largest batch that a layer sees in one run.</summary>
    public int BatchOf(int layer) => layer < PerImage ? 1 : Shapes.MaxBatch;

    private static Dictionary<Slot, int> ProducersOf(IReadOnlyList<Layer> layers)
    {
        var producers = new Dictionary<Slot, int>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < layers.Count; i++)
            foreach (var output in layers[i].Outputs) producers[output.Owner] = i;
        return producers;
    }

    public override string ToString() => string.Join('\n', Layers.Select(layer => layer.ToString()));
}
