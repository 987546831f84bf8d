using Pith.Building;

namespace Pith.Tactics;

/// <summary>What is known about a convolution before it runs.</summary>
internal static class EmittedConvEstimate
{
    /// <summary>No accumulator of the layer is larger in magnitude.</summary>
    public static double LargestSum(ContractionLayer layer)
    {
        var perChannel = layer.Int8!.Weights.Shape.LengthOf(1, 4);
        return perChannel * 255.0 * 128 + layer.Int8.IntegerBias.Max(bias => Math.Abs((double)bias));
    }
}
