using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Slots of images as kernels have them.</summary>
internal static unsafe class FeatureMaps
{
    /// <summary>A map of the slot's sizes and of its strides, which a border widens; without an address.</summary>
    public static FeatureMap Of(Slot slot, int batch)
    {
        var map = FeatureMap.Create(null, slot.Shape.Size(0, batch), slot.Height, slot.Width, slot.Channels);
        map.RowStride = slot.RowBytes / sizeof(float);
        map.ImageStride = slot.ImageBytes / sizeof(float);
        return map;
    }

    /// <summary>The slot in the run's memory, at its batch.</summary>
    public static FeatureMap Of(Slot slot, RunState state)
    {
        var map = Of(slot, state.Batch);
        map.Data = (float*)state.Address(slot);
        return map;
    }

    /// <summary>Whether all operands and results are float images channels-last.</summary>
    public static bool AreImages(Layer layer) =>
        layer.Inputs.Concat(layer.Outputs).All(slot => slot is null or { DataType: DataType.Float32, Layout: Layout.ChannelsLast, Shape.Rank: 4 });
}
