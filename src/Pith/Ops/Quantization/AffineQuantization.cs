namespace Pith.Ops;

/// <summary>
/// The arithmetic of affine quantization on one element, written once: real = (integer - zero point) * scale. Division and multiplication are IEEE single precision, rounding is to
/// nearest with ties to even, and values beyond the type's range saturate. Every kernel gives the same integers.
/// </summary>
public static class AffineQuantization
{
    /// <summary>The smallest and largest integer of a type that QuantizeLinear writes.</summary>
    /// <exception cref="PithException">The type is not an integer of 4, 8 or 16 bits, nor int32 (which DequantizeLinear reads).</exception>
    public static (int Min, int Max) RangeOf(DataType type) => type switch
    {
        DataType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        DataType.UInt8 => (byte.MinValue, byte.MaxValue),
        DataType.Int16 => (short.MinValue, short.MaxValue),
        DataType.UInt16 => (ushort.MinValue, ushort.MaxValue),
        DataType.Int32 => (int.MinValue, int.MaxValue),
        DataType.Int4 => (-8, 7),
        DataType.UInt4 => (0, 15),
        _ => throw new PithException($"Elements of type {type.ShortName()} are not quantized; expected int4, uint4, int8, uint8, int16, uint16 or int32."),
    };

    /// <summary>round(value / scale) + zero point, saturated to <paramref name="range"/>; NaN becomes the smallest.</summary>
    public static int Quantize(float value, float scale, int zeroPoint, (int Min, int Max) range) => Saturate((double)MathF.Round(value / scale, MidpointRounding.ToEven) + zeroPoint, range);

    /// <summary>(quantized - zero point) * scale.</summary>
    public static float Dequantize(int quantized, int zeroPoint, float scale) => (float)((long)quantized - zeroPoint) * scale;

    /// <summary>round(accumulator * multiplier) + zero point, saturated to <paramref name="range"/>: the last step of an integer product, where the multiplier is the product of the operands' scales over the
    /// result's scale.</summary>
    public static int Requantize(int accumulator, float multiplier, int zeroPoint, (int Min, int Max) range) =>
        Saturate((double)MathF.Round(accumulator * multiplier, MidpointRounding.ToEven) + zeroPoint, range);

    // Comparisons with NaN are false.
    private static int Saturate(double value, (int Min, int Max) range) => value >= range.Min ? (int)Math.Min(value, range.Max) : range.Min;
}
