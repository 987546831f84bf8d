namespace Pith.Compression.Sparsity;

/// <summary>
/// The weight of a layer that sums over the channels, in block form (<see cref="SparsityPattern.Blocks"/>): a block of input channels keeps, for each group of output channels and position, its channels at the first two places
/// of quads or those at the last two. A row is an input channel's magnitudes, each summed over the output channels of a group.
/// </summary>
internal sealed class BlockConsumerTerm : KeptMagnitudeTerm
{
    private readonly float[][] _sums;

    private BlockConsumerTerm(float[][] rows, int start) : base(rows, SparsityPattern.BlockReduction, start)
    {
        _sums = [.. Enumerable.Range(0, 2 * ((rows.Length + RowsPerBlock - 1) / RowsPerBlock)).Select(_ => new float[rows[0].Length])];
        RefreshAll();
    }

    /// <inheritdoc/>
    public override long Cost => 4L * Rows[0].Length;

    /// <param name="weights">The weight.</param>
    /// <param name="layout">Where its axes lie.</param>
    /// <param name="pattern">A block form.</param>
    /// <param name="start">The input channel that is the class's channel 0.</param>
    public static BlockConsumerTerm Of(ReadOnlySpan<float> weights, WeightAxes layout, SparsityPattern pattern, int start) => new(ConsumerTerm.RowsOf(weights, layout, pattern), start);

    /// <inheritdoc/>
    protected override double KeptWith(int block, int index, float[] row) => Larger(block, Half(index), Rows[index], row);

    /// <inheritdoc/>
    protected override double KeptNow(int block)
    {
        for (var half = 0; half < 2; half++) _sums[2 * block + half].AsSpan().Clear();
        for (var index = block * RowsPerBlock; index < Math.Min(Rows.Length, (block + 1) * RowsPerBlock); index++)
        {
            var (sums, row) = (_sums[2 * block + Half(index)], Rows[index]);
            for (var place = 0; place < sums.Length; place++) sums[place] += row[place];
        }
        return Larger(block, 0, [], []);
    }

    /// <inheritdoc/>
    protected override double GainWithin(int block, int first, int second)
    {
        if (Half(first) == Half(second)) return 0;
        double before = 0, after = 0;
        var (a, b) = (_sums[2 * block + Half(first)], _sums[2 * block + Half(second)]);
        for (var place = 0; place < a.Length; place++)
        {
            var moved = Rows[second][place] - Rows[first][place];
            before += Math.Max(a[place], b[place]);
            after += Math.Max(a[place] + moved, b[place] - moved);
        }
        return after - before;
    }

    // Which half of its quad a channel is in.
    private static int Half(int index) => index % 4 / 2;

    private double Larger(int block, int half, float[] removed, float[] added)
    {
        var (changed, other) = (_sums[2 * block + half], _sums[2 * block + 1 - half]);
        double kept = 0;
        for (var place = 0; place < changed.Length; place++) kept += Math.Max(removed.Length == 0 ? changed[place] : changed[place] - removed[place] + added[place], other[place]);
        return kept;
    }
}
