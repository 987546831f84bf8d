namespace Pith.Kernels.Int8;

/// <summary>
/// Division of a value by an output scale in two operations: x * (1/s), with 1/s as the sum of two floats and the larger product in a fused multiply-add (Brisebarre and Muller, "Correctly rounded
/// multiplication by arbitrary precision constants", 2008). The result is the correctly rounded quotient or next to it, and all that INT8 results need is that it rounds to the same integer. Both
/// quotients grow with x, so it is enough that they agree around every point where the integer changes: that is checked here, once for each scale.
/// </summary>
/// <param name="High">1/s, rounded; 0 where quick division is not allowed.</param>
/// <param name="Low">What is left of it, rounded.</param>
internal readonly record struct QuickDivision(float High, float Low)
{
    // The two quotients are less than two units in the last place apart.
    private const int Neighbours = 8;

    /// <summary>Beyond, a product could overflow.</summary>
    public const double LargestValue = 1e30;

    /// <summary>Whether it may take the place of the division.</summary>
    public bool IsAllowed => High != 0;

    /// <summary>Allowed when it gives the integers of real division for every value that the layer can have.</summary>
    public static QuickDivision Of(ContractionConstants constants)
    {
        double largest = 0;
        for (var k = 0; k < constants.Multiplier.Length; k++) largest = Math.Max(largest, constants.Multiplier[k] * Math.Pow(2, 31) + Math.Abs(constants.Offset[k]));
        largest += 256.0 * constants.ResidualMultiplier;
        return largest < LargestValue ? Of(constants.OutputDivisor) : default;
    }

    /// <summary>Allowed when it agrees with real division around all half integers of the byte range.</summary>
    public static QuickDivision Of(float scale)
    {
        if (!(scale is >= 1e-30f and <= 1e30f)) return default;
        var high = 1 / scale;
        var division = new QuickDivision(high, (float)(1 / (double)scale - high));
        for (var n = -257; n <= 256; n++)
        {
            var x = (float)((n + 0.5) * scale);
            for (var i = 0; i < Neighbours; i++) x = MathF.BitDecrement(x);
            for (var i = 0; i <= 2 * Neighbours; i++, x = MathF.BitIncrement(x))
                if (MathF.Round(division.Divide(x), MidpointRounding.ToEven) != MathF.Round(x / scale, MidpointRounding.ToEven)) return default;
        }
        return division;
    }

    private float Divide(float x) => MathF.FusedMultiplyAdd(x, High, x * Low);
}
