namespace Pith.Kernels.Int8;

/// <summary>
/// Division of a value by an output scale without a division: q = x * (1/s), then q + (x - q*s) * (1/s) with fused multiply-adds (Markstein 1990). The result is the correctly rounded quotient or
/// next to it, and all that INT8 results need is that it rounds to the same integer. Both quotients grow with x, so it is enough that they agree around every point where the
/// integer changes: that is checked here, once for each scale.
/// </summary>
internal static class QuickDivision
{
    // The two quotients are less than two units in the last place apart.
    private const int Neighbours = 8;

    /// <summary>Beyond, a product of the correction could overflow.</summary>
    public const double LargestValue = 1e30;

    /// <summary>1 / output scale when quick division gives the integers of real division for every value that the layer can have, else 0.</summary>
    public static float Reciprocal(ContractionConstants constants)
    {
        double largest = 0;
        for (var k = 0; k < constants.Multiplier.Length; k++) largest = Math.Max(largest, constants.Multiplier[k] * Math.Pow(2, 31) + Math.Abs(constants.Offset[k]));
        largest += 256.0 * constants.ResidualMultiplier;
        return largest < LargestValue ? Reciprocal(constants.OutputDivisor) : 0;
    }

    /// <summary>1 / <paramref name="scale"/> when quick division agrees with real division around all half integers of the byte range, else 0.</summary>
    public static float Reciprocal(float scale)
    {
        var reciprocal = 1 / scale;
        if (scale is < 1e-30f or > 1e30f) return 0;
        for (var n = -257; n <= 256; n++)
        {
            var x = (float)((n + 0.5) * scale);
            for (var i = 0; i < Neighbours; i++) x = MathF.BitDecrement(x);
            for (var i = 0; i <= 2 * Neighbours; i++, x = MathF.BitIncrement(x))
                if (MathF.Round(Divide(x, scale, reciprocal), MidpointRounding.ToEven) != MathF.Round(x / scale, MidpointRounding.ToEven)) return 0;
        }
        return reciprocal;
    }

    private static float Divide(float x, float scale, float reciprocal)
    {
        var q = x * reciprocal;
        return MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(-q, scale, x), reciprocal, q);
    }
}
