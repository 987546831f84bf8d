namespace Pith.Fuzz.Differential.Errors;

/// <summary>Tells when float sums are exact: all terms are multiples of one power of two, and no sum reaches 2^24 of it.</summary>
internal static class Units
{
    // Folding multiplies terms by factors; what is far above the denormal numbers stays above them.
    private const double LeastUnit = 1e-24;

    /// <summary>The largest power of two that all elements are multiples of; 0 when some are not finite, infinite when all are 0.</summary>
    public static double Of(Tensor tensor)
    {
        var unit = double.PositiveInfinity;
        foreach (var value in Bounded.Doubles(tensor))
        {
            if (!double.IsFinite(value)) return 0;
            if (value != 0) unit = Math.Min(unit, Of(value));
        }
        return unit;
    }

    /// <summary>The lowest bit of a number.</summary>
    public static double Of(double value)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)(bits >> 52 & 0x7ff);
        var mantissa = bits & 0xfffffffffffff | (exponent == 0 ? 0 : 1L << 52);
        return mantissa == 0 ? double.PositiveInfinity : Math.ScaleB(1, Math.Max(exponent, 1) - 1075 + System.Numerics.BitOperations.TrailingZeroCount(mantissa));
    }

    /// <summary>The largest magnitude; infinite when an element is not a number, so that it counts as beyond every limit.</summary>
    public static double Largest(Tensor tensor)
    {
        var largest = 0.0;
        foreach (var value in Bounded.Doubles(tensor)) largest = Math.Max(largest, Math.Abs(value));
        return double.IsNaN(largest) ? double.PositiveInfinity : largest;
    }

    /// <summary>Whether sums of terms with this unit and this sum of magnitudes are exact in 32-bit floats.</summary>
    public static bool AreExact(double unit, double magnitude) => unit > 0 && magnitude < float.MaxValue && magnitude <= unit * (1 << 24) && (magnitude == 0 || unit >= LeastUnit);
}
