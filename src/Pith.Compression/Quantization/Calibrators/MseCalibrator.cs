namespace Pith.Compression.Quantization;

/// <summary>
/// The bin edge that, taken as amax, minimises the squared quantization error
/// <c>sum over bins of count * (Q(c) - c)^2</c>, where c is the centre of the bin. Candidates are all edges from the
/// <c>levels + 1</c>th (below it a level would be narrower than a bin, which the histogram cannot judge) to the end of the last occupied bin; of equal errors the larger amax wins.
/// </summary>
public sealed record MseCalibrator : Calibrator
{
    /// <inheritdoc/>
    public override string Name => "mse";

    /// <inheritdoc/>
    public override string Help => "the range with the smallest squared quantization error";

    /// <inheritdoc/>
    protected override float Choose(Histogram histogram, int levels)
    {
        var moments = new Moments(histogram.Counts);
        var last = histogram.OccupiedBins;
        var best = last;
        var smallest = double.PositiveInfinity;
        for (var edge = Math.Min(levels + 1, last); edge <= last; edge++)
        {
            var error = Error(moments, edge, levels);
            if (error > smallest) continue;
            (smallest, best) = (error, edge);
        }
        return histogram.Edge(best);
    }

    /// <summary>The better of the two neighbours: a slightly finer scale that clips a little more can be the one with the smaller error.</summary>
    /// <inheritdoc/>
    protected override float ChooseShort(Histogram histogram, float amax, int levels)
    {
        var moments = new Moments(histogram.Counts);
        var above = ShortScale.RoundUp(amax / levels);
        var below = ShortScale.Below(above);
        return ErrorOf(below) < ErrorOf(above) ? below : above;

        double ErrorOf(float scale) => Error(moments, (double)scale * levels / histogram.BinWidth, levels);
    }

    /// <summary>
    /// The squared error for an amax given in bin widths, in units of the squared bin width. All bins that round to one level are summed at once from prefix
    /// sums: O(levels) instead of O(bins).
    /// </summary>
    private static double Error(Moments moments, double amax, int levels)
    {
        var (error, step) = (0.0, amax / levels);
        for (int level = 0, from = 0; level <= levels; level++)
        {
            // Bin j has its centre at j + 1/2 and rounds to this level or below when j + 1/2 < (level + 1/2) * step.
            // A centre exactly between two levels is equally far from both.
            var to = level == levels ? Histogram.BinCount : (int)Math.Clamp(Math.Ceiling((level + 0.5) * step - 0.5), from, Histogram.BinCount);
            error += moments.SquaredDistance(from, to, level * step);
            from = to;
        }
        return error;
    }

    /// <summary>Prefix sums over the bins of count, count * centre and count * centre^2, centres in units of the bin width.</summary>
    private sealed class Moments
    {
        private readonly double[] _count = new double[Histogram.BinCount + 1];
        private readonly double[] _first = new double[Histogram.BinCount + 1];
        private readonly double[] _second = new double[Histogram.BinCount + 1];

        public Moments(ReadOnlySpan<long> counts)
        {
            for (var i = 0; i < counts.Length; i++)
            {
                var centre = i + 0.5;
                _count[i + 1] = _count[i] + counts[i];
                _first[i + 1] = _first[i] + counts[i] * centre;
                _second[i + 1] = _second[i] + counts[i] * centre * centre;
            }
        }

        /// <summary>The sum over bins from <paramref name="from"/> to before <paramref name="to"/> of <c>count * (centre - point)^2</c>.</summary>
        public double SquaredDistance(int from, int to, double point) =>
            _second[to] - _second[from] - 2 * point * (_first[to] - _first[from]) + point * point * (_count[to] - _count[from]);
    }
}
