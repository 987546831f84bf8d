namespace Pith.Compression.Quantization;

/// <summary>
/// Scales whose significand has at most four bits: 1.000 to 1.111 (binary) times a power of two, eight per octave. Pith's default, a deliberate refinement of
/// <c>scale = amax / 127</c>. With them, products and sums of dequantized int8 values fit into the 24 bits of a float32, so that a runtime which computes a Q/DQ model literally,
/// in floats, gets exactly the integers of an INT8 engine. With full-precision scales it gets them only nearly, a few roundings flip, and in deep networks
/// (MobileNetV2) the flips grow until both runs differ as much as from the float model. The price: scales are 4.5% larger on average, about 0.4 dB of resolution.
/// </summary>
public static class ShortScale
{
    private const int DroppedBits = 20;
    private const uint Step = 1u << DroppedBits;

    /// <summary>True when <paramref name="scale"/> is one of them.</summary>
    public static bool IsShort(float scale) => scale > 0 && (BitConverter.SingleToUInt32Bits(scale) & (Step - 1)) == 0;

    /// <summary>The smallest short scale that is not below <paramref name="scale"/> (positive): nothing more is clipped.</summary>
    public static float RoundUp(float scale) => FromBits(BitConverter.SingleToUInt32Bits(scale) + (Step - 1));

    /// <summary>The short scale closest to <paramref name="scale"/> (positive).</summary>
    public static float RoundToNearest(float scale) => FromBits(BitConverter.SingleToUInt32Bits(scale) + Step / 2);

    /// <summary>The largest short scale that is not above <paramref name="scale"/> (positive).</summary>
    public static float RoundDown(float scale) => FromBits(BitConverter.SingleToUInt32Bits(scale));

    /// <summary>The next smaller short scale.</summary>
    internal static float Below(float shortScale) => FromBits(BitConverter.SingleToUInt32Bits(shortScale) - Step);

    private static float FromBits(uint bits) => BitConverter.UInt32BitsToSingle(bits & ~(Step - 1));
}
