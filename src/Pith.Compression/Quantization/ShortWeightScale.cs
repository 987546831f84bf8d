using System.Numerics;
using System.Runtime.Intrinsics;

namespace Pith.Compression.Quantization;

/// <summary>
/// Short scales for the weights of one channel. What a literal run in floats must hold are sums in units of <c>input scale * weight scale</c>, so it is the product of both significands that has to be small:
/// the fewer bits the input's scale has, the more are left for the weight's, and the most where a sum has few terms (depthwise convolutions). Of all scales that fit, the one with the smallest squared error of the
/// weights is taken. The largest weight of a channel, which may be nearly all of it, then lies close to a whole number of steps.
/// </summary>
internal static class ShortWeightScale
{
    // Products of significands that are always allowed: those of two short scales. Sums of up to 74,000 are exact with them, which is more than layers with many inputs reach.
    private const int SmallestLimit = 225;

    // A float32 holds whole numbers up to this one.
    private const double FloatUnits = 1 << 24;

    // Significands of eight bits.
    private const int DroppedBits = 16;
    private const uint Step = 1u << DroppedBits;

    // Beyond that, a coarser step costs more than any luck with the largest weight brings.
    private const float LargestFactor = 1.3f;

    /// <summary>The largest odd part of a weight scale's significand with which the channel's sums in a literal run stay exact.</summary>
    /// <param name="input">Parameters of the layer's data.</param>
    /// <param name="magnitude">The sum of |w| of the channel.</param>
    /// <param name="bias">The magnitude of its bias.</param>
    /// <param name="scale">A scale as small as the weight's may become: <see cref="Choose"/> stays above <c>amax / (largest + 0.5)</c>.</param>
    public static int Limit(QuantizationParameters input, double magnitude, double bias, float scale)
    {
        var largest = input.DataType == DataType.UInt8 ? 255 : 128;
        var bound = largest * (magnitude / scale) + bias / ((double)scale * input.Scales[0]);
        return (int)Math.Clamp(Math.Max(FloatUnits / bound, SmallestLimit) / OddPart(input.Scales[0]), 15, 255);
    }

    /// <summary>The scale with the smallest squared error.</summary>
    /// <param name="magnitudes">|w| of the channel.</param>
    /// <param name="amax">The largest of them, positive.</param>
    /// <param name="largest">The largest quantized weight: 127, or 63 for 7 bits.</param>
    /// <param name="limit">As from <see cref="Limit"/>.</param>
    public static float Choose(ReadOnlySpan<float> magnitudes, float amax, int largest, int limit)
    {
        var (best, smallest) = (ShortScale.RoundUp(amax / largest), double.PositiveInfinity);
        var end = amax / largest * LargestFactor;
        for (var scale = RoundUp(amax / (largest + 0.49f)); scale <= end && float.IsFinite(scale); scale = RoundUp(MathF.BitIncrement(scale)))
        {
            if (OddPart(scale) > limit) continue;
            var error = SquaredError(magnitudes, scale, largest);
            if (error < smallest) (best, smallest) = (scale, error);
        }
        return best;
    }

    /// <summary>The closest scale whose significand has eight bits and an odd part within <paramref name="limit"/>.</summary>
    public static float Nearest(float scale, int limit)
    {
        var above = RoundUp(scale);
        while (OddPart(above) > limit) above = RoundUp(MathF.BitIncrement(above));
        var below = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(scale) & ~(Step - 1));
        while (OddPart(below) > limit) below = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(below) - Step);
        return above - scale < scale - below ? above : below;
    }

    /// <summary>The odd part of a positive float's significand: 3 for 0.75, 1 for powers of two.</summary>
    public static int OddPart(float scale)
    {
        var significand = BitConverter.SingleToUInt32Bits(scale) & 0x007F_FFFF | 0x0080_0000;
        return (int)(significand >> BitOperations.TrailingZeroCount(significand));
    }

    private static float RoundUp(float scale) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(scale) + (Step - 1) & ~(Step - 1));

    // Always sixteen lanes, so that the sum, and with it the choice, is the same on every machine.
    private static double SquaredError(ReadOnlySpan<float> magnitudes, float scale, int largest)
    {
        var (step, limit, inverse) = (Vector512.Create(scale), Vector512.Create((float)largest), Vector512.Create(1 / scale));
        var sums = Vector512<float>.Zero;
        var i = 0;
        for (; i <= magnitudes.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var w = Vector512.Create(magnitudes.Slice(i, Vector512<float>.Count));
            var error = w - Vector512.Min(Vector512.Round(w * inverse), limit) * step;
            sums += error * error;
        }
        double sum = 0;
        for (var lane = 0; lane < Vector512<float>.Count; lane++) sum += sums[lane];
        foreach (var w in magnitudes[i..])
        {
            var error = w - MathF.Min(MathF.Round(w * (1 / scale)), largest) * scale;
            sum += error * error;
        }
        return sum;
    }
}
