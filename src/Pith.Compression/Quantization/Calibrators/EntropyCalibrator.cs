namespace Pith.Compression.Quantization;

/// <summary>
/// The bin edge whose clipped distribution, coarsened to <c>levels + 1</c> levels (128 for int8), has the smallest Kullback-Leibler divergence from the distribution
/// itself (S. Migacz, "8-bit inference with TensorRT", GTC 2017). Bin 0, which holds the zeros, is replaced by bin 1. For each candidate i from <c>levels + 1</c>
/// to the last occupied bin: the reference is the first i bins with everything beyond added to the last of them; the candidate is the
/// first i bins collapsed to the levels and spread back over the bins that are not empty by their mean. Ties go to the largest i.
/// </summary>
public sealed record EntropyCalibrator : Calibrator
{
    /// <inheritdoc/>
    public override string Name => "entropy";

    /// <inheritdoc/>
    public override string Help => "the range with the smallest KL divergence (TensorRT's entropy calibration)";

    /// <inheritdoc/>
    protected override float Choose(Histogram histogram, int levels)
    {
        var bins = histogram.Counts.ToArray();
        bins[0] = bins[1];
        var sums = new Sums(bins);
        var last = histogram.OccupiedBins;
        var best = last;
        var smallest = double.PositiveInfinity;
        for (var i = Math.Min(levels + 1, last); i <= last; i++)
        {
            var divergence = Divergence(bins, sums, i, levels + 1);
            if (divergence > smallest) continue;
            (smallest, best) = (divergence, i);
        }
        return histogram.Edge(best);
    }

    /// <summary>
    /// KL(P || Q) = sum p log p - sum p log q, where p = reference / total and q = candidate / kept. Within one level q is the same for all bins that are not
    /// empty, so the second sum needs one logarithm per level; both sums over bins come from prefix sums.
    /// </summary>
    private static double Divergence(long[] bins, Sums sums, int i, int levels)
    {
        double total = sums.Mass[^1], kept = sums.Mass[i], beyond = total - kept;
        if (kept == 0) return double.PositiveInfinity;
        // Mass clipped into an empty bin has no counterpart in the candidate: the divergence is infinite.
        double lastBin = bins[i - 1];
        if (lastBin == 0 && beyond > 0) return double.PositiveInfinity;

        var massLogMass = sums.MassLogMass[i] - XLogX(lastBin) + XLogX(lastBin + beyond);
        var massLogCandidate = 0.0;
        for (int level = 0, from = 0; level < levels; level++)
        {
            var to = (int)(((long)(level + 1) * i + levels - 1) / levels);
            var mass = sums.Mass[to] - sums.Mass[from];
            if (mass > 0)
            {
                var reference = level == levels - 1 ? mass + beyond : mass;
                massLogCandidate += reference * Math.Log(mass / (sums.Occupied[to] - sums.Occupied[from]));
            }
            from = to;
        }
        return (massLogMass - massLogCandidate) / total - Math.Log(total) + Math.Log(kept);
    }

    private static double XLogX(double x) => x == 0 ? 0 : x * Math.Log(x);

    /// <summary>Prefix sums over the bins: entry i is the sum of the first i.</summary>
    private sealed class Sums
    {
        public Sums(long[] bins)
        {
            for (var i = 0; i < bins.Length; i++)
            {
                Mass[i + 1] = Mass[i] + bins[i];
                Occupied[i + 1] = Occupied[i] + (bins[i] == 0 ? 0 : 1);
                MassLogMass[i + 1] = MassLogMass[i] + XLogX(bins[i]);
            }
        }

        public double[] Mass { get; } = new double[Histogram.BinCount + 1];

        public int[] Occupied { get; } = new int[Histogram.BinCount + 1];

        public double[] MassLogMass { get; } = new double[Histogram.BinCount + 1];
    }
}
