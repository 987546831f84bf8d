using Pith.Building;

namespace Pith.Kernels;

/// <summary>The number in the epilogue of an average of 8-bit values.</summary>
internal static class PoolConstants
{
    /// <summary>Input scale / count (/ output scale), rounded once.</summary>
    public static float Multiplier(PoolLayer layer, int count) =>
        (float)((double)layer.InputQuantization!.Value.Scale / count / (layer.OutputQuantization?.Scale ?? 1));
}
