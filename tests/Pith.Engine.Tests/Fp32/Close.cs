namespace Pith.Kernels.Tests.Fp32;

/// <summary>Comparison of float results with a reference, relative to the magnitude of what was summed.</summary>
internal static class Close
{
    /// <summary>
    /// Fails unless |actual - expected| &lt;= tolerance * (magnitude + 1e-3) everywhere, where magnitude is the sum of the absolute products.
    /// </summary>
    public static void Assert(
        ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, ReadOnlySpan<float> magnitude, double tolerance, object repro)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            var bound = tolerance * (magnitude[i] + 1e-3);
            if (Math.Abs((double)expected[i] - actual[i]) <= bound) continue;
            Xunit.Assert.Fail($"{repro}: element {i} is {actual[i]:R}, expected {expected[i]:R} within {bound:G3}");
        }
    }

    /// <summary>Fails unless every bit is the same.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, object repro)
    {
        Xunit.Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i])) continue;
            Xunit.Assert.Fail($"{repro}: element {i} is {actual[i]:R}, expected the same bits as {expected[i]:R}");
        }
    }
}
