namespace Pith.Building;

/// <summary>
/// Gives the inputs of padded convolutions a border, where the layer that writes the slot and all that read it work row by row: contractions and pools, the quantization of
/// the network's input, reorders, joined phases and normalizations. Not around float images that integer layers touch too, nor where weights are computed, as in training.
/// </summary>
internal static class BorderPlanner
{
    public static void Plan(LoweredNetwork network)
    {
        var fixedSlots = new HashSet<Slot>(network.Outputs.Concat(network.Observed), ReferenceEqualityComparer.Instance);
        // Other shapes of the same memory know no border.
        foreach (var view in network.Slots.Where(slot => slot.View is not null)) fixedSlots.UnionWith([view, view.Owner]);
        var wanted = new Dictionary<Slot, Border>(ReferenceEqualityComparer.Instance);
        foreach (var layer in network.Layers)
        {
            foreach (var output in layer.Outputs)
                if (!(output.IsQuantized ? WritesRows(layer) : WritesFloatRows(layer))) fixedSlots.Add(output);
            foreach (var input in layer.Inputs.OfType<Slot>())
                if (!(input.IsQuantized ? ReadsRows(layer) : ReadsFloatRows(layer))) fixedSlots.Add(input);
            if (layer is not ContractionLayer { Window: { IsPadded: true } window } conv || (conv.Int8 is null && conv.Weight?.Constant is null)) continue;
            // Bytes of 0 are floats of 0.
            var border = new Border(window.PadTop, window.PadLeft, window.PadBottom, window.PadRight, (byte)(conv.Int8?.Input.StoredZeroPoint ?? 0));
            wanted[conv.Input] = wanted.TryGetValue(conv.Input, out var other) ? other.Union(border) : border;
        }
        foreach (var (slot, border) in wanted)
            if (!fixedSlots.Contains(slot) && slot is { Kind: SlotKind.Computed, Layout: Layout.ChannelsLast, Shape.Rank: 4 }) slot.Border = border;
    }

    private static bool WritesRows(Layer layer) => layer is PoolLayer or ContractionLayer or PixelTableLayer || (layer is QuantizeLayer { Input: { Layout: Layout.RowMajor, Shape.Rank: 4 } input } && input.Height * input.Width > 1);

    private static bool ReadsRows(Layer layer) => layer is PoolLayer or ContractionLayer;

    private static bool WritesFloatRows(Layer layer) => layer is PoolLayer { Input.DataType: DataType.Float32, IsGlobal: false } or ContractionLayer { Int8: null } or PixelTableLayer
        or ReorderLayer { Output.Layout: Layout.ChannelsLast } or OpLayer { Op: InterleavePhases } or NormalizationLayer { Output.Layout: Layout.ChannelsLast };

    private static bool ReadsFloatRows(Layer layer) => layer is PoolLayer { Input.DataType: DataType.Float32 } or ContractionLayer { Int8: null };
}
