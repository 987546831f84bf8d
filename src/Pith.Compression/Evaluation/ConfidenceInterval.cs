namespace Pith.Compression.Evaluation;

/// <summary>The ends of a 95% confidence interval.</summary>
/// <param name="Low">The lower end.</param>
/// <param name="High">The upper end.</param>
public readonly record struct ConfidenceInterval(double Low, double High)
{
    /// <summary>The 97.5th percentile of the normal distribution: 95% lie within this many standard deviations of the mean.</summary>
    internal const double Z = 1.959963984540054;

    /// <summary>
    /// Wilson's score interval of a proportion (E. B. Wilson, JASA 22, 1927). Sound for small counts and for proportions near 0 and 1, where mean ± 1.96 sd is not.
    /// </summary>
    /// <param name="successes">From 0 to <paramref name="count"/>.</param>
    /// <param name="count">The number of trials; with 0 the interval is all of [0, 1].</param>
    public static ConfidenceInterval Wilson(int successes, int count)
    {
        if (count == 0) return new(0, 1);
        double n = count, p = successes / n;
        var centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n);
        var halfWidth = Z / (1 + Z * Z / n) * Math.Sqrt(p * (1 - p) / n + Z * Z / (4 * n * n));
        return new(Math.Max(0, centre - halfWidth), Math.Min(1, centre + halfWidth));
    }
}
