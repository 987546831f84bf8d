namespace Pith.Compression.Quantization;

/// <summary>
/// Chooses the factors of a unit's channels so that the sum of noise terms is smallest: the best of some closed forms, cross-layer equalisation (Nagel et al. 2019) and activations divided by a power of their range (SmoothQuant, Xiao et al.
/// 2022) among them, then better factors channel by channel. Depends on its operands only.
/// </summary>
internal static class FactorSearch
{
    // Larger ones would make biases and weights hard to represent, for gains that nobody sees.
    private const double LargestLog2 = 8;

    private const int Rounds = 12;

    private static readonly double[] s_strengths = [0.25, 0.5, 0.75, 1];
    private static readonly double[] s_steps = [1, 0.5, 0.25, 0.125];

    /// <summary>log2 of the best factor of each channel that was found, and the noise with it relative to that with factors of 1.</summary>
    /// <param name="terms">The noise, with all factors 1; left with the factors found.</param>
    /// <param name="limits">The smallest and the largest log2 of each factor.</param>
    public static (double[] Factors, double Gain) Run(IReadOnlyList<NoiseTerm> terms, IReadOnlyList<(double Low, double High)> limits)
    {
        var channels = limits.Count;
        var none = new double[channels];
        var start = Total(terms);
        var (best, bestNoise) = (none, start);
        foreach (var candidate in Candidates(terms, channels))
        {
            Clamp(candidate, limits);
            Set(terms, candidate);
            if (Total(terms) is var noise && noise < bestNoise) (best, bestNoise) = (candidate, noise);
        }
        Set(terms, best);
        Improve(terms, best, limits);
        return (best, Total(terms) / start);
    }

    private static IEnumerable<double[]> Candidates(IReadOnlyList<NoiseTerm> terms, int channels)
    {
        var activations = Ideal([.. terms.OfType<ActivationNoise>()], channels);
        var weights = Ideal([.. terms.OfType<WeightNoise>()], channels);
        foreach (var strength in s_strengths)
        {
            yield return [.. activations.Select(log => strength * log)];
            yield return [.. activations.Zip(weights, (a, w) => strength * a + (1 - strength) * w)];
        }
        yield return [.. weights];
        yield return [.. weights.Select(log => 0.5 * log)];
    }

    /// <summary>What the terms would choose in the mean; channels that no term minds get the mean of all.</summary>
    private static double[] Ideal(NoiseTerm[] terms, int channels)
    {
        var ideal = new double[channels];
        for (var channel = 0; channel < channels; channel++)
        {
            var logs = terms.Select(term => term.Ideal(channel)).Where(double.IsFinite).ToArray();
            ideal[channel] = logs.Length == 0 ? double.NaN : logs.Average();
        }
        if (terms is [WeightNoise, ..])
        {
            // Only ratios of channels mean something.
            var mean = ideal.Where(double.IsFinite).DefaultIfEmpty(0).Average();
            for (var channel = 0; channel < channels; channel++) ideal[channel] -= mean;
        }
        return [.. ideal.Select(log => double.IsFinite(log) ? log : 0)];
    }

    private static void Improve(IReadOnlyList<NoiseTerm> terms, double[] factors, IReadOnlyList<(double Low, double High)> limits)
    {
        for (var round = 0; round < Rounds; round++)
        {
            var before = Total(terms);
            foreach (var step in s_steps)
                for (var channel = 0; channel < factors.Length; channel++)
                    foreach (var change in (ReadOnlySpan<double>)[step, -step])
                    {
                        var now = terms.Sum(term => term.Value);
                        var other = Math.Clamp(factors[channel] + change, limits[channel].Low, limits[channel].High);
                        if (other == factors[channel] || terms.Sum(term => term.With(channel, double.Exp2(other))) >= now) continue;
                        factors[channel] = other;
                        foreach (var term in terms) term.Set(channel, double.Exp2(other));
                        break;
                    }
            if (Total(terms) > before * 0.999) break;
        }
    }

    private static double Total(IReadOnlyList<NoiseTerm> terms)
    {
        foreach (var term in terms) term.Settle();
        return terms.Sum(term => term.Value);
    }

    private static void Set(IReadOnlyList<NoiseTerm> terms, double[] logs)
    {
        for (var channel = 0; channel < logs.Length; channel++)
            foreach (var term in terms) term.Set(channel, double.Exp2(logs[channel]));
    }

    private static void Clamp(double[] logs, IReadOnlyList<(double Low, double High)> limits)
    {
        for (var channel = 0; channel < logs.Length; channel++) logs[channel] = Math.Clamp(logs[channel], Math.Max(-LargestLog2, limits[channel].Low), Math.Min(LargestLog2, limits[channel].High));
    }
}
