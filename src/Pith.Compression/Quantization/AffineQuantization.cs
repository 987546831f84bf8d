using System.Globalization;

namespace Pith.Compression;

/// <summary>
/// Plain-loop quantization of tensors, exactly as ONNX QuantizeLinear and DequantizeLinear define it: division by the scale in float32, round half to even, add the zero point,
/// saturate. Weights use the narrow range [-127, 127], so that -q exists for every q.
/// </summary>
public static class AffineQuantization
{
    /// <summary><c>clamp(round_half_to_even(x / scale), lowest, 127)</c>; NaN becomes 0.</summary>
    /// <param name="x">The value.</param>
    /// <param name="scale">Positive.</param>
    /// <param name="lowest">-128, or -127 for the narrow range of weights.</param>
    public static sbyte ToInt8(float x, float scale, int lowest = -128) => (sbyte)Round(x, scale, 0, lowest, 127);

    /// <summary><c>clamp(round_half_to_even(x / scale) + zeroPoint, 0, 255)</c>; NaN becomes the zero point.</summary>
    public static byte ToUInt8(float x, float scale, int zeroPoint) => (byte)Round(x, scale, zeroPoint, 0, 255);

    /// <summary>Quantizes weights to int8 in the narrow range [-127, 127]. The result is new.</summary>
    /// <param name="weights">Float weights.</param>
    /// <param name="parameters">Symmetric int8, per tensor or per axis.</param>
    /// <exception cref="PithException">The parameters are not int8, or do not fit the shape.</exception>
    public static Tensor<sbyte> QuantizeWeights(Tensor<float> weights, QuantizationParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.DataType != DataType.Int8) throw new PithException($"Weights are quantized to s8, the parameters are for {parameters.DataType.ShortName()}.");
        var scaleOf = ScaleIndex(weights.Shape, parameters);
        var result = new sbyte[weights.Length];
        for (var i = 0; i < result.Length; i++) result[i] = ToInt8(weights.Data[i], parameters.Scales[scaleOf(i)], lowest: -127);
        return Tensor.Create(weights.Shape, result);
    }

    /// <summary>Quantizes activations to the type of <paramref name="parameters"/>, full range. The result is new.</summary>
    /// <exception cref="PithException">The parameters do not fit the shape.</exception>
    public static Tensor Quantize(Tensor<float> values, QuantizationParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(parameters);
        var scaleOf = ScaleIndex(values.Shape, parameters);
        if (parameters.DataType == DataType.Int8)
        {
            var signed = new sbyte[values.Length];
            for (var i = 0; i < signed.Length; i++) signed[i] = ToInt8(values.Data[i], parameters.Scales[scaleOf(i)]);
            return Tensor.Create(values.Shape, signed);
        }
        var unsigned = new byte[values.Length];
        for (var i = 0; i < unsigned.Length; i++)
            unsigned[i] = ToUInt8(values.Data[i], parameters.Scales[scaleOf(i)], parameters.ZeroPoints[scaleOf(i)]);
        return Tensor.Create(values.Shape, unsigned);
    }

    /// <summary><c>(q - zero_point) * scale</c>. The result is new.</summary>
    /// <exception cref="PithException">The tensor is not int8 or uint8 as the parameters say, or they do not fit its shape.</exception>
    public static Tensor<float> Dequantize(Tensor quantized, QuantizationParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(quantized);
        ArgumentNullException.ThrowIfNull(parameters);
        if (quantized.DataType != parameters.DataType) throw new PithException($"The parameters are for {parameters.DataType.ShortName()}, got {quantized}.");
        var scaleOf = ScaleIndex(quantized.Shape, parameters);
        var result = new float[quantized.Length];
        for (var i = 0; i < result.Length; i++)
        {
            int q = quantized is Tensor<sbyte> signed ? signed.Data[i] : quantized.As<byte>().Data[i];
            result[i] = (q - parameters.ZeroPoints[scaleOf(i)]) * parameters.Scales[scaleOf(i)];
        }
        return Tensor.Create(quantized.Shape, result);
    }

    /// <summary>
    /// Quantizes a bias to int32 with the scale of the accumulator, <c>inputScale * weightScales[k]</c> (a float32 product), rounding half to even. The result is new.
    /// </summary>
    /// <param name="bias">One value per output channel.</param>
    /// <param name="inputScale">The scale of the layer's input.</param>
    /// <param name="weightScales">One scale, or one per output channel.</param>
    /// <exception cref="PithException">A value does not fit into int32: the layer's scales are too small for its bias.</exception>
    public static int[] QuantizeBias(ReadOnlySpan<float> bias, float inputScale, ReadOnlySpan<float> weightScales)
    {
        var result = new int[bias.Length];
        for (var k = 0; k < result.Length; k++)
        {
            var scale = inputScale * weightScales[weightScales.Length == 1 ? 0 : k];
            var rounded = Math.Round((double)bias[k] / scale, MidpointRounding.ToEven);
            if (!(Math.Abs(rounded) <= int.MaxValue))
                throw new PithException(string.Create(CultureInfo.InvariantCulture,
                    $"The bias {bias[k]} of output channel {k} does not fit into int32 at the accumulator's scale {scale} (= {inputScale} * weight scale). Keep this layer in float."));
            result[k] = (int)rounded;
        }
        return result;
    }

    private static int Round(float x, float scale, int zeroPoint, int lowest, int highest)
    {
        if (float.IsNaN(x)) return zeroPoint;
        // Clamped as a float: the quotient may be far outside of int.
        var rounded = MathF.Round(x / scale, MidpointRounding.ToEven) + zeroPoint;
        return (int)Math.Clamp(rounded, lowest, highest);
    }

    /// <summary>Maps the row-major index of an element to the index of its scale.</summary>
    private static Func<int, int> ScaleIndex(Shape shape, QuantizationParameters parameters)
    {
        if (parameters.Granularity is not Granularity.PerAxis(var axis)) return _ => 0;
        if (axis < 0 || axis >= shape.Rank || shape[axis] != parameters.Scales.Count)
            throw new PithException($"{parameters.Scales.Count} scales along axis {axis} do not fit a tensor of shape {shape}.");
        var inner = shape.LengthOf(axis + 1, shape.Rank);
        var size = shape[axis];
        return i => i / inner % size;
    }
}
