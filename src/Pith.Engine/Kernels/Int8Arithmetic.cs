using System.Runtime.CompilerServices;
using Pith.Building;

namespace Pith.Kernels;

/// <summary>
/// The order of operations of INT8 layers, written once. Every kernel on every instruction set gives the bits of these scalar functions: integers are exact, each float operation is
/// one IEEE single-precision operation in the order written here (never a fused multiply-add), and rounding is to nearest, ties to even.
/// </summary>
internal static class Int8Arithmetic
{
    /// <summary>
    /// The result of a contraction from its accumulator. With acc = sum (x - x's zero point) * w + integer bias, exact in 32 bits:
    /// <code>
    /// value = float(acc) * Multiplier[k]
    /// value = value + Offset[k]
    /// value = value + float(residual - its zero point) * ResidualMultiplier     or, for a float residual, value + residual / ResidualDivisor
    /// value = activation(value)
    /// value = value / OutputDivisor                                              unless the output scale is a power of two, which Multiplier and the others then contain
    /// q     = round(clamp(value, lowest - zero point, highest - zero point)) + zero point
    /// </code>
    /// </summary>
    public static float Value(int accumulator, int channel, float residual, ContractionConstants constants)
    {
        var value = accumulator * constants.Multiplier[channel];
        value += constants.Offset[channel];
        if (constants.HasResidual) value += residual;
        value = Int8Activation.Apply(constants.Activation, value);
        return constants.OutputDivisor == 1 ? value : value / constants.OutputDivisor;
    }

    /// <summary>A quantized residual as it is added to the value.</summary>
    public static float Residual(byte stored, ContractionConstants constants) => (stored - constants.ResidualZeroPoint) * constants.ResidualMultiplier;

    /// <summary>A float residual as it is added to the value.</summary>
    public static float Residual(float real, ContractionConstants constants) => real / constants.ResidualDivisor;

    /// <summary>round(clamp(value)) + zero point, in the stored (unsigned) form. NaN becomes the lowest value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Store(float value, int storedZeroPoint)
    {
        float lowest = -storedZeroPoint, highest = 255 - storedZeroPoint;
        value = value > lowest ? value : lowest;
        value = value < highest ? value : highest;
        return (byte)((int)MathF.Round(value, MidpointRounding.ToEven) + storedZeroPoint);
    }

    /// <summary>QuantizeLinear of one element, stored.</summary>
    public static byte Quantize(float real, Quantization to) => Store(real / to.Scale, to.StoredZeroPoint);

    /// <summary>The mean of 8-bit values from their sum without zero points: the bits of a literal run, in which the product is exact with scales of few bits.</summary>
    public static float Mean(int sum, float scale, int count) => sum * scale / count;

    /// <summary>DequantizeLinear of one stored element.</summary>
    public static float Dequantize(byte stored, Quantization from) => (stored - from.StoredZeroPoint) * from.Scale;
}
