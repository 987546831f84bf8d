namespace Pith.Building;

/// <summary>
/// How many layers at the start of a network are run image by image when there are several: threads then share out images, and what a layer writes is still in the core's cache when the next one
/// reads it. That pays as long as activations are larger than weights, which have to be read again for each image; later layers run the whole batch at once.
/// </summary>
internal static class ImagePrefix
{
    /// <summary>The number of layers; 0 when the network runs one image only, is observed, or begins with layers that mix images.</summary>
    public static int Length(LoweredNetwork network)
    {
        if (network.Shapes.IsFixed || network.Observed.Count > 0) return 0;
        var (best, length) = (0L, 0);
        var gain = 0L;
        for (var i = 0; i < network.Layers.Count; i++)
        {
            var layer = network.Layers[i];
            if (!WorksByImage(layer)) break;
            var activations = layer.Inputs.OfType<Slot>().Where(slot => slot.Kind != SlotKind.Constant).Sum(slot => slot.Bytes(1)) + layer.Outputs.Sum(slot => slot.Bytes(1));
            gain += activations - layer.Weights.Sum(weight => (long)weight.Bytes.Length);
            if (gain > best) (best, length) = (gain, i + 1);
        }
        return length;
    }

    private static bool WorksByImage(Layer layer) =>
        layer is ContractionLayer { Weight: null or { Constant: not null } } or PoolLayer or BinaryLayer or TableLayer or PixelTableLayer or ConcatLayer or ChannelMapLayer or QuantizeLayer or DequantizeLayer or ReorderLayer
        && layer.Inputs.Concat(layer.Outputs).OfType<Slot>().All(slot => slot.Kind == SlotKind.Constant || slot.Shape.IsBatched);
}
