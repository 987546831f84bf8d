using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>Slots of images as kernels have them.</summary>
internal static unsafe class FeatureMaps
{
    /// <summary>A dense map of the slot's sizes, without an address.</summary>
    public static FeatureMap Of(Slot slot, int batch) =>
        FeatureMap.Create(null, slot.Shape.Size(0, batch), slot.Shape.Dims[2], slot.Shape.Dims[3], slot.Channels);
}
