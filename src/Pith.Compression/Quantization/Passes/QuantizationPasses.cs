using Pith.Passes;

namespace Pith.Compression;

/// <summary>The ordered list that turns a graph with fake quantization into the form that is exported and built.</summary>
public static class QuantizationPasses
{
    /// <summary>BatchNormalization that QAT had kept is folded, weights become int8 constants with a DequantizeLinear, and biases whole units of the accumulator.</summary>
    /// <param name="exactScales">As in <see cref="QuantizationOptions.ExactScales"/>.</param>
    public static IReadOnlyList<Pass> Finish(bool exactScales) =>
    [
        new LimitWeights(), // before the fold, which flips the signs of channels with a negative factor
        new FoldBatchNorm(),
        new ShortenWeightScales(exactScales), // after the fold, which multiplies scales
        new FoldWeightQuantization(), // after all that changes weights or their scales
        new SnapBias(), // after all that changes biases or scales
        new RemoveDeadNodes(), // last: the passes above leave the float weights behind
    ];
}
