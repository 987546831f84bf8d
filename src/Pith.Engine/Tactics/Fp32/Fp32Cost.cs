using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>Rough times of float contractions and their gradients.</summary>
internal static class Fp32Cost
{
    /// <summary>Multiply-accumulates over half the peak of the instruction set.</summary>
    public static double Seconds(Layer layer, Device device)
    {
        var perSecond = 1e9 * device.Features.Fp32Lanes switch { 16 => 45, 8 => 25, _ => 6 };
        return layer.Macs / perSecond;
    }
}
