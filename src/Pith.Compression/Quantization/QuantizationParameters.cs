using System.Globalization;

namespace Pith.Compression.Quantization;

/// <summary>
/// Scales and zero points of a quantized tensor: <c>q = clamp(round_half_to_even(x / scale) + zero_point)</c>, as ONNX QuantizeLinear.
/// Immutable and value-equal.
/// </summary>
public sealed record QuantizationParameters
{
    /// <summary>Up to this amax (2^-24) a tensor counts as zero: its scale is 1 and every value becomes 0.</summary>
    public const float SmallestAmax = 1f / (1 << 24);

    private QuantizationParameters(DataType dataType, Granularity granularity, ValueList<float> scales, ValueList<int> zeroPoints) =>
        (DataType, Granularity, Scales, ZeroPoints) = (dataType, granularity, scales, zeroPoints);

    /// <summary><see cref="DataType.Int8"/> or <see cref="DataType.UInt8"/>.</summary>
    public DataType DataType { get; }

    /// <summary>Which elements share a scale.</summary>
    public Granularity Granularity { get; }

    /// <summary>The scales, all positive: one, or one per index along the axis.</summary>
    public ValueList<float> Scales { get; }

    /// <summary>The zero points, as many as <see cref="Scales"/>; all 0 for int8.</summary>
    public ValueList<int> ZeroPoints { get; }

    /// <summary>Symmetric int8 for a whole tensor: <c>scale = amax / 127</c>, zero point 0.</summary>
    /// <param name="amax">The largest magnitude to represent.</param>
    /// <param name="exactScale">True for exactly that scale, false for the next larger <see cref="ShortScale"/>.</param>
    /// <exception cref="PithException"><paramref name="amax"/> is negative, NaN or infinite.</exception>
    public static QuantizationParameters Symmetric(float amax, bool exactScale = false) =>
        new(DataType.Int8, new Granularity.PerTensor(), [ScaleOf(amax, exactScale)], [0]);

    /// <summary>Symmetric int8 per index along <paramref name="axis"/>.</summary>
    /// <exception cref="PithException">An amax is negative, NaN or infinite.</exception>
    public static QuantizationParameters Symmetric(ReadOnlySpan<float> amaxes, int axis, bool exactScale = false)
    {
        var scales = new float[amaxes.Length];
        for (var i = 0; i < scales.Length; i++) scales[i] = ScaleOf(amaxes[i], exactScale);
        return FromScales(scales, axis);
    }

    /// <summary>Symmetric int8, or uint8 with zero point 0, for a whole tensor with a scale that is known already.</summary>
    /// <exception cref="PithException"><paramref name="scale"/> is not a positive number.</exception>
    public static QuantizationParameters FromScale(float scale, DataType dataType = DataType.Int8)
    {
        RequireScale(scale);
        return new(dataType, new Granularity.PerTensor(), [scale], [0]);
    }

    /// <summary>Symmetric int8 per index along <paramref name="axis"/> with scales that are known already.</summary>
    /// <exception cref="PithException">A scale is not a positive number.</exception>
    public static QuantizationParameters FromScales(ReadOnlySpan<float> scales, int axis)
    {
        foreach (var scale in scales) RequireScale(scale);
        return new(DataType.Int8, new Granularity.PerAxis(axis), ValueList.Create(scales), ValueList.Repeat(0, scales.Length));
    }

    /// <summary>
    /// Asymmetric uint8 for a whole tensor with values in [<paramref name="min"/>, <paramref name="max"/>]. The range is widened to hold 0, and 0 is exactly representable
    /// (padding and pruned weights stay 0).
    /// </summary>
    /// <exception cref="PithException">The range is empty, NaN or infinite.</exception>
    public static QuantizationParameters Asymmetric(float min, float max, bool exactScale = false)
    {
        if (!(min <= max) || !float.IsFinite(min) || !float.IsFinite(max))
            throw new PithException(string.Create(CultureInfo.InvariantCulture, $"A quantized range needs finite ends, the lower one first; got [{min}, {max}]."));
        min = Math.Min(min, 0);
        max = Math.Max(max, 0);
        if (Math.Max(-min, max) <= SmallestAmax) return FromScale(1, DataType.UInt8);
        var scale = (float)(((double)max - min) / 255);
        if (!exactScale) scale = ShortScale.RoundUp(scale);
        var zeroPoint = Math.Clamp((int)Math.Round(-(double)min / scale, MidpointRounding.ToEven), 0, 255);
        return new(DataType.UInt8, new Granularity.PerTensor(), [scale], [zeroPoint]);
    }

    /// <summary>The same type and zero point with another scale, for a whole tensor.</summary>
    internal QuantizationParameters WithScale(float scale) => new(DataType, Granularity, [scale], ZeroPoints);

    /// <summary>The largest |w| of a weight, or of each index along the axis of <paramref name="granularity"/>.</summary>
    /// <param name="weights">Row-major elements of a tensor of shape <paramref name="shape"/>; BatchNormalization folded in already.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="granularity">Per tensor, or per output channel (axis 0 for Conv and Gemm weights stored (K, C), axis 1 for ConvTranspose and (C, K)).</param>
    /// <exception cref="PithException">A weight is NaN or infinite, or the axis does not exist.</exception>
    public static float[] MaxAbs(ReadOnlySpan<float> weights, Shape shape, Granularity granularity)
    {
        foreach (var w in weights)
            if (!float.IsFinite(w)) throw new PithException(string.Create(CultureInfo.InvariantCulture, $"A weight of shape {shape} has the value {w}; weights to quantize must be finite."));
        if (granularity is not Granularity.PerAxis(var axis)) return [HistogramKernel.Summarize(weights).MaxAbs];

        if (axis < 0 || axis >= shape.Rank) throw new PithException($"Weights of shape {shape} have no axis {axis} to quantize along.");
        var amaxes = new float[shape[axis]];
        var inner = shape.LengthOf(axis + 1, shape.Rank);
        for (var run = 0; run < weights.Length / Math.Max(inner, 1); run++)
        {
            ref var amax = ref amaxes[run % amaxes.Length];
            amax = Math.Max(amax, HistogramKernel.Summarize(weights.Slice(run * inner, inner)).MaxAbs);
        }
        return amaxes;
    }

    /// <summary><c>amax / largest</c>, or the next larger short scale; 1 for an amax that counts as zero.</summary>
    /// <exception cref="PithException"><paramref name="amax"/> is negative, NaN or infinite.</exception>
    public static float ScaleOf(float amax, bool exactScale = false, int largest = 127)
    {
        if (!float.IsFinite(amax) || amax < 0)
            throw new PithException(string.Create(CultureInfo.InvariantCulture, $"The largest magnitude of a quantized tensor must be finite and not negative, got {amax}."));
        if (amax <= SmallestAmax) return 1;
        return exactScale ? amax / largest : ShortScale.RoundUp(amax / largest);
    }

    private static void RequireScale(float scale)
    {
        if (!(scale > 0) || !float.IsFinite(scale)) throw new PithException(string.Create(CultureInfo.InvariantCulture, $"A scale is a positive number, got {scale}."));
    }
}
