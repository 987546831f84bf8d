namespace Pith.Compression.Sparsity;

/// <summary>
/// Looks for an order of channels that keeps more magnitude, by exchanging two channels at a time: each channel in turn, in random order, with the partner that gains most. A local search (Pool and Yu, "Channel permutations for N:M sparsity", 2021,
/// exchange channels in the same way for the quads of consumers alone). Bounded by work instead of time, so that the result is the same on every machine.
/// </summary>
internal static class ExchangeSearch
{
    private const int MaxSweeps = 10;

    private const int FewestPartners = 8;

    // Of all that is kept: less is rounding, and not worth another sweep.
    private const double SmallestGain = 1e-7;
    private const double SmallestSweep = 1e-4;

    /// <summary>Searches from the present order.</summary>
    /// <param name="terms">What the order means for each weight; left in the order that was found.</param>
    /// <param name="channels">The number of channels.</param>
    /// <param name="random">Draws the turns and, where not all can be tried, the partners.</param>
    /// <param name="work">How many numbers may be read, about.</param>
    /// <param name="cancellation">Stops the search.</param>
    /// <returns>The old channel at each position.</returns>
    public static int[] Run(IReadOnlyList<KeptMagnitudeTerm> terms, int channels, ref SeededRandom random, long work, CancellationToken cancellation)
    {
        var order = Enumerable.Range(0, channels).ToArray();
        var cost = Math.Max(1, terms.Sum(term => term.Cost));
        // A sweep that tries too much leaves nothing for the next one, so each may take a third at most.
        var partners = (int)Math.Min(channels - 1, Math.Max(FewestPartners, work / 3 / cost / channels));
        for (var sweep = 0; sweep < MaxSweeps && work > 0; sweep++)
        {
            var kept = terms.Sum(term => term.Kept);
            var turns = Enumerable.Range(0, channels).ToArray();
            random.Shuffle(turns);
            double gained = 0;
            foreach (var channel in turns)
            {
                cancellation.ThrowIfCancellationRequested();
                gained += Exchange(terms, order, channel, partners, ref random, kept * SmallestGain);
            }
            work -= cost * partners * channels;
            if (gained < kept * SmallestSweep) break;
        }
        return order;
    }

    private static double Exchange(IReadOnlyList<KeptMagnitudeTerm> terms, int[] order, int channel, int partners, ref SeededRandom random, double smallest)
    {
        var (best, bestGain) = (-1, smallest);
        var all = partners == order.Length - 1;
        for (var i = 0; i < (all ? order.Length : partners); i++)
        {
            var partner = all ? i : random.Next(order.Length);
            if (partner == channel) continue;
            double gain = 0;
            foreach (var term in terms) gain += term.Gain(channel, partner);
            if (gain > bestGain) (best, bestGain) = (partner, gain);
        }
        if (best < 0) return 0;
        foreach (var term in terms) term.Exchange(channel, best);
        (order[channel], order[best]) = (order[best], order[channel]);
        return bestGain;
    }
}
