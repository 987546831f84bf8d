using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>The ordered list that turns a graph with fake quantization into the form that is exported and built.</summary>
public static class QuantizationPasses
{
    /// <summary>BatchNormalization that QAT had kept is folded, weights become int8 constants with a DequantizeLinear, and biases whole units of the accumulator.</summary>
    /// <param name="options">Those that the graph was quantized with.</param>
    /// <exception cref="ArgumentNullException"><paramref name="options"/> is null.</exception>
    public static IReadOnlyList<Pass> Finish(QuantizationSettings options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return
        [
            .. options.ExactScales ? Array.Empty<Pass>() : [new ShortenActivationScales()], // before the scales of weights, whose length depends on them
            new LimitWeights(options.LargestWeight), // before the fold, which flips the signs of channels with a negative factor
            new FoldBatchNorm(),
            new ShortenWeightScales(options), // after the fold, which multiplies scales
            new FoldWeightQuantization(options.LargestWeight), // after all that changes weights or their scales
            options.Target.IntegerBiases ? new QuantizeBias() : new SnapBias(), // after all that changes biases or scales
            new RemoveDeadNodes(), // last: the passes above leave the float weights behind
        ];
    }
}
