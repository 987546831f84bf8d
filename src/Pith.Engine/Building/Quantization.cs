namespace Pith.Building;

/// <summary>How one quantized tensor stands for real numbers: real = (q - zero point) * scale.</summary>
/// <param name="Scale">Positive, see <see cref="IsExact(float)"/>.</param>
/// <param name="ZeroPoint">In the range of <paramref name="Type"/>.</param>
/// <param name="Type">int8 or uint8.</param>
internal readonly record struct Quantization(float Scale, int ZeroPoint, DataType Type)
{
    /// <summary>The zero point of the unsigned bytes in which the engine stores activations (see <see cref="Layout.ChannelsLast"/>).</summary>
    public int StoredZeroPoint => Type == DataType.Int8 ? ZeroPoint + 128 : ZeroPoint;

    // 2^40: products of two scales, divided by a third, and all of these times sums of 2^31 stay normal floats or overflow in the same step as the literal run.
    private const float LargestScale = 1L << 40;

    /// <summary>Whether integer layers compute with this scale what the Q/DQ graph says. Others (zero, negative, NaN, next to the limits of a float) are legal; they run as written.</summary>
    public static bool IsExact(float scale) => scale >= 1 / LargestScale && scale <= LargestScale;

    /// <summary>Whether an accumulator times <paramref name="inputScale"/> * <paramref name="weightScale"/> is what the Q/DQ graph says. A weight scale of 0 stands for a channel of zeros.</summary>
    public static bool IsExact(float inputScale, float weightScale) =>
        weightScale == 0 || (double)inputScale * weightScale is var unit && unit >= 1 / ((double)LargestScale * LargestScale) && unit <= (double)LargestScale * LargestScale;

    public override string ToString() => $"{Type.ShortName()} scale {Scale:R} zero {ZeroPoint}";
}
