using Pith.Building;

namespace Pith.Tactics;

/// <summary>Rough times of layers that read and write each element once or twice.</summary>
internal static class StreamCost
{
    private const double BytesPerSecond = 1e10;

    /// <summary>Bytes of the batch-1 operands and results over the speed of memory.</summary>
    public static double Seconds(Layer layer, Device device) =>
        layer.Inputs.Concat(layer.Outputs).Sum(slot => slot?.Bytes(1) ?? 0) / (BytesPerSecond * device.Threads);
}
