using Pith.Kernels;

namespace Pith.Building;

/// <summary>
/// Gives the inputs of padded INT8 convolutions a border, where the layer that writes the slot and all that read it work row by row: contractions and pools, and the quantization of the network's
/// input.
/// </summary>
internal static class BorderPlanner
{
    public static void Plan(LoweredNetwork network)
    {
        var fixedSlots = new HashSet<Slot>(network.Outputs.Concat(network.Observed), ReferenceEqualityComparer.Instance);
        var wanted = new Dictionary<Slot, Border>(ReferenceEqualityComparer.Instance);
        foreach (var layer in network.Layers)
        {
            foreach (var output in layer.Outputs)
                if (!WritesRows(layer)) fixedSlots.Add(output);
            foreach (var input in layer.Inputs.OfType<Slot>())
                if (!ReadsRows(layer)) fixedSlots.Add(input);
            if (layer is not ContractionLayer { Int8: { } int8, Window: { IsPadded: true } window } conv) continue;
            var border = new Border(window.PadTop, window.PadLeft, window.PadBottom, window.PadRight, (byte)int8.Input.StoredZeroPoint);
            wanted[conv.Input] = wanted.TryGetValue(conv.Input, out var other) ? other.Union(border) : border;
        }
        foreach (var (slot, border) in wanted)
            if (!fixedSlots.Contains(slot) && slot is { Kind: SlotKind.Computed, IsQuantized: true, Shape.Rank: 4 }) slot.Border = border;
    }

    private static bool WritesRows(Layer layer) => layer is PoolLayer or ContractionLayer || (layer is QuantizeLayer { Input: { Layout: Layout.RowMajor, Shape.Rank: 4 } input } && input.Height * input.Width > 1);

    private static bool ReadsRows(Layer layer) => layer is PoolLayer or ContractionLayer;
}
