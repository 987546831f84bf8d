namespace Pith.Compression.Distribution;

/// <summary>Mean and variance per channel as numbers that ranks with equal parts of a batch add up: the mean and the mean square, in turn, in double precision.</summary>
internal static class ChannelMoments
{
    /// <summary>Writes one rank's terms.</summary>
    /// <param name="mean">[C].</param>
    /// <param name="variance">Biased [C].</param>
    /// <param name="terms">[C, 2].</param>
    public static void Write(ReadOnlySpan<float> mean, ReadOnlySpan<float> variance, Span<double> terms)
    {
        for (var c = 0; c < mean.Length; c++) (terms[2 * c], terms[2 * c + 1]) = (mean[c], variance[c] + (double)mean[c] * mean[c]);
    }

    /// <summary>Mean and biased variance of the whole batch.</summary>
    /// <param name="sums">The terms of all ranks added up [C, 2].</param>
    /// <param name="ranks">How many there are.</param>
    /// <param name="mean">Receives the means [C].</param>
    /// <param name="variance">Receives the variances [C].</param>
    public static void Combine(ReadOnlySpan<double> sums, int ranks, Span<float> mean, Span<float> variance)
    {
        for (var c = 0; c < mean.Length; c++)
        {
            var (first, square) = (sums[2 * c] / ranks, sums[2 * c + 1] / ranks);
            // Rounding may leave a little less than 0. NaN stays: Math.Max returns it.
            (mean[c], variance[c]) = ((float)first, (float)Math.Max(0, square - first * first));
        }
    }
}
