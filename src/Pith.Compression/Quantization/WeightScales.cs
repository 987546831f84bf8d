using Pith.Ops;

namespace Pith.Compression.Quantization;

/// <summary>
/// Chooses the scales of a weight: the largest |w| of each output channel over 127 (63 for 7 bits), but never so small that the layer's bias, counted in units of
/// <c>input scale * weight scale</c>, would overflow the int32 accumulator or the float one of a literal run. That concerns channels whose weights are next to nothing beside their bias.
/// </summary>
internal static class WeightScales
{
    // A float32 holds 2^24 units. A unit of two short scales has a significand of up to 8 bits, and the sum of products comes on top: from here on it gets tight.
    private const double LargestBias = 1 << 17;

    // With a power of two as weight scale, a unit has 4 bits at most.
    private const double LargestBiasInPowersOfTwo = 1 << 19;

    // Multiplied by the smallest positive float, 2^-149, it is still a normal number.
    private const double LargestScale = 1L << 60;

    /// <summary>The parameters of <paramref name="weight"/>.</summary>
    /// <param name="weight">A float32 weight.</param>
    /// <param name="inputs">Parameters of the data of all layers that read the weight; empty when one of them stays float.</param>
    /// <param name="options">Granularity and rounding of scales.</param>
    /// <exception cref="PithException">The weight is not float32, or not finite.</exception>
    public static QuantizationParameters Choose(WeightOperand weight, IReadOnlyList<QuantizationParameters> inputs, QuantizationSettings options)
    {
        var where = $"{weight.Node.Op.Schema.Name} '{weight.Node.Name}': the weight '{weight.Constant.Name}'";
        if (weight.Constant.Constant is not Tensor<float> tensor) throw new PithException($"{where} is {weight.Constant.Type}; only float32 weights can be quantized.");
        Granularity granularity = options.PerChannel && weight.OutputAxis is { } outputs ? new Granularity.PerAxis(outputs) : new Granularity.PerTensor();
        float[] amaxes;
        try
        {
            amaxes = QuantizationParameters.MaxAbs(tensor.Span, tensor.Shape, granularity);
        }
        catch (PithException problem)
        {
            throw new PithException($"{where}: {problem.Message}", problem);
        }

        // BatchNormalization after the layer will be folded later, so it is the folded scale that has to be short. One scale per tensor cannot take a factor per channel: there the fold comes first.
        var norm = options.PerChannel ? BatchNormFold.After(weight.Node) : null;
        if (norm is not null && !amaxes.Zip(norm.Factors).All(channel => float.IsFinite((float)(channel.First * channel.Second)))) norm = null;
        var bias = norm?.Bias ?? LayerBias.Constant(weight.Node)?.Data;
        float? inputScale = inputs.Count == 0 ? null : inputs.Min(input => input.Scales[0]);
        var scales = new float[amaxes.Length];
        for (var k = 0; k < scales.Length; k++)
        {
            var factor = norm is null || norm.Factors[k] == 0 ? 1 : Math.Abs(norm.Factors[k]);
            var largestBias = bias is null || inputScale is null ? 0 : scales.Length == 1 ? bias.Max(MathF.Abs) : bias.Length == scales.Length ? MathF.Abs(bias[k]) : 0;
            var amax = (float)(amaxes[k] * factor);
            var folded = options.ExactScales || inputs.Count == 0 || amax <= QuantizationParameters.SmallestAmax
                ? QuantizationParameters.ScaleOf(amax, options.ExactScales, options.LargestWeight)
                : Short(Magnitudes(tensor, granularity, k, factor), amax, largestBias, inputs, options);
            // A factor close to 0 makes all weights of the channel 0, with any scale that is large enough.
            scales[k] = (float)Math.Min(AtLeast(folded, largestBias, inputScale ?? 1) / factor, LargestScale);
        }
        return granularity is Granularity.PerAxis(var axis) ? QuantizationParameters.FromScales(scales, axis) : QuantizationParameters.FromScale(scales[0]);
    }

    /// <summary>The short scale of a folded channel.</summary>
    private static float Short(float[] magnitudes, float amax, double bias, IReadOnlyList<QuantizationParameters> inputs, QuantizationSettings options)
    {
        var limit = inputs.Min(input => ShortWeightScale.Limit(input, magnitudes.Sum(w => (double)w), bias, amax / (options.LargestWeight + 0.5f)));
        return ShortWeightScale.Choose(magnitudes, amax, options.LargestWeight, limit);
    }

    /// <summary>|w| * factor of one channel, or of the whole tensor.</summary>
    public static float[] Magnitudes(Tensor<float> weight, Granularity granularity, int channel, double factor = 1)
    {
        if (granularity is not Granularity.PerAxis(var axis)) return Array.ConvertAll(weight.Data, w => (float)(MathF.Abs(w) * factor));
        var (inner, channels) = (weight.Shape.LengthOf(axis + 1, weight.Shape.Rank), weight.Shape[axis]);
        var magnitudes = new float[weight.Length / channels];
        for (var (run, i) = (channel, 0); i < magnitudes.Length; run += channels, i += inner)
            for (var j = 0; j < inner; j++) magnitudes[i + j] = (float)(MathF.Abs(weight.Data[run * inner + j]) * factor);
        return magnitudes;
    }

    /// <summary>A weight scale that is there already, made to fit what its channel has become: short where that is asked for, and large enough for the bias.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="input">Parameters of the layer's data; null when they are not known.</param>
    /// <param name="magnitude">Gives the sum of |w| of the channel.</param>
    /// <param name="bias">The magnitude of its bias; null without a constant one.</param>
    /// <param name="options">Granularity and rounding of scales.</param>
    public static float Settle(float scale, QuantizationParameters? input, Func<double> magnitude, float? bias, QuantizationSettings options)
    {
        if (scale * options.LargestWeight <= QuantizationParameters.SmallestAmax) scale = 1;
        if (!options.ExactScales) scale = input is null ? ShortScale.RoundToNearest(scale) : ShortWeightScale.Nearest(scale, ShortWeightScale.Limit(input, magnitude(), bias ?? 0, scale));
        return input is null || bias is not { } value ? scale : AtLeast(scale, value, input.Scales[0]);
    }

    /// <summary><paramref name="scale"/>, or a power of two with which a bias of this magnitude fits comfortably.</summary>
    public static float AtLeast(float scale, float bias, float inputScale)
    {
        if (bias <= scale * inputScale * LargestBias) return scale;
        return MathF.ScaleB(1, (int)Math.Ceiling(Math.Max(Math.Log2(scale), Math.Log2(bias / (inputScale * LargestBiasInPowersOfTwo)))));
    }
}
