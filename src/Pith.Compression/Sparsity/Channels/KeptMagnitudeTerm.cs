using System.Runtime.Intrinsics;

namespace Pith.Compression.Sparsity;

/// <summary>
/// What the order of a class's channels means for one weight: rows of magnitudes, one for each channel, that lie in blocks; a block keeps the two largest of four values at every place. Exchanging two channels moves their rows.
/// All numbers are shares of the weight's whole magnitude, so that terms of several weights add up. Vectors have 256 bits on every machine: sums, and so the search, are the same everywhere.
/// </summary>
internal abstract class KeptMagnitudeTerm
{
    /// <summary>Places at a time; rows are padded with zeros to a multiple of it.</summary>
    protected const int Lanes = 8;

    private readonly int _start;
    private readonly double[] _kept;

    protected KeptMagnitudeTerm(float[][] rows, int rowsPerBlock, int start)
    {
        (Rows, RowsPerBlock, _start) = (rows, rowsPerBlock, start);
        _kept = new double[(rows.Length + rowsPerBlock - 1) / rowsPerBlock];
    }

    /// <summary>Numbers that one call of <see cref="Gain"/> reads, about.</summary>
    public abstract long Cost { get; }

    /// <summary>The rows, one for each index of the axis; the class's channels are some of them.</summary>
    protected float[][] Rows { get; }

    /// <summary>Rows of a block; the last block may have fewer.</summary>
    protected int RowsPerBlock { get; }

    /// <summary>The share of the weight's magnitude that the mask keeps.</summary>
    public double Kept => _kept.Sum();

    /// <summary>What the share that is kept gains when channels <paramref name="first"/> and <paramref name="second"/> change places; negative for a loss.</summary>
    public double Gain(int first, int second)
    {
        var (a, b) = (_start + first, _start + second);
        var (blockA, blockB) = (a / RowsPerBlock, b / RowsPerBlock);
        return blockA == blockB ? 0 : KeptWith(blockA, a, Rows[b]) + KeptWith(blockB, b, Rows[a]) - _kept[blockA] - _kept[blockB];
    }

    /// <summary>Exchanges two channels.</summary>
    public void Exchange(int first, int second)
    {
        var (a, b) = (_start + first, _start + second);
        (Rows[a], Rows[b]) = (Rows[b], Rows[a]);
        Refresh(a / RowsPerBlock);
        if (a / RowsPerBlock != b / RowsPerBlock) Refresh(b / RowsPerBlock);
    }

    /// <summary>Computes every block; to be called once the rows are there.</summary>
    protected void RefreshAll()
    {
        for (var block = 0; block < _kept.Length; block++) Refresh(block);
    }

    /// <summary>What <paramref name="block"/> keeps with <paramref name="row"/> in place of row <paramref name="index"/>.</summary>
    protected abstract double KeptWith(int block, int index, float[] row);

    /// <summary>What <paramref name="block"/> keeps as it is; what it is computed from is computed anew.</summary>
    protected abstract double KeptNow(int block);

    private void Refresh(int block) => _kept[block] = KeptNow(block);

    /// <summary>The sum of the two largest of four values in each lane.</summary>
    protected static Vector256<float> TwoLargest(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        var (high, low) = (Vector256.Max(a, b), Vector256.Min(a, b));
        var (otherHigh, otherLow) = (Vector256.Max(c, d), Vector256.Min(c, d));
        return Vector256.Max(high, otherHigh) + Vector256.Max(Vector256.Min(high, otherHigh), Vector256.Max(low, otherLow));
    }

    protected static Vector256<double> Widened(Vector256<float> values)
    {
        var (lower, upper) = Vector256.Widen(values);
        return lower + upper;
    }

    // In this order on every machine.
    protected static double Sum(Vector256<double> lanes) => lanes[0] + lanes[1] + (lanes[2] + lanes[3]);

    protected static int Padded(int places) => (places + Lanes - 1) / Lanes * Lanes;
}

/// <summary>
/// The weight of a layer that makes the channels: blocks are output channels that share patterns. A row is a filter's magnitudes, the first members of all quads, then the second ones and so on; a block sums its rows.
/// </summary>
internal sealed class ProducerTerm : KeptMagnitudeTerm
{
    private readonly int _places;
    private readonly float[][] _sums;

    private ProducerTerm(float[][] rows, int places, SparsityPattern pattern, int start) : base(rows, pattern.Channels, start)
    {
        _places = places;
        var rowsPerBlock = pattern.Channels;
        _sums = [.. Enumerable.Range(0, (rows.Length + rowsPerBlock - 1) / rowsPerBlock).Select(_ => new float[4 * places])];
        RefreshAll();
    }

    /// <inheritdoc/>
    public override long Cost => 16L * _places;

    /// <param name="weights">The weight.</param>
    /// <param name="layout">Where its axes lie.</param>
    /// <param name="pattern">How many output channels share a pattern: more than one.</param>
    /// <param name="start">The output channel that is the class's channel 0.</param>
    public static ProducerTerm Of(ReadOnlySpan<float> weights, WeightAxes layout, SparsityPattern pattern, int start)
    {
        var reduction = layout.Reduction;
        var places = Padded(reduction.QuadCount / layout.Outputs);
        var rows = Enumerable.Range(0, layout.Outputs).Select(_ => new float[4 * places]).ToArray();
        var filled = new int[layout.Outputs];
        var scale = Scale(weights);
        for (var quad = 0; quad < reduction.QuadCount; quad++)
        {
            var offset = reduction.QuadOffset(quad);
            var output = layout.OutputOf(offset);
            var place = filled[output]++;
            for (var i = 0; i < 4; i++) rows[output][i * places + place] += (float)(Math.Abs((double)weights[offset + i * reduction.Inner]) * scale);
        }
        return new ProducerTerm(rows, places, pattern, start);
    }

    internal static double Scale(ReadOnlySpan<float> weights)
    {
        double sum = 0;
        foreach (var weight in weights) sum += Math.Abs((double)weight);
        return sum == 0 ? 0 : 1 / sum;
    }

    /// <inheritdoc/>
    protected override double KeptWith(int block, int index, float[] row)
    {
        ReadOnlySpan<float> sums = _sums[block], removed = Rows[index], added = row;
        var kept = Vector256<double>.Zero;
        for (var place = 0; place < _places; place += Lanes) kept += Widened(TwoLargest(At(sums, removed, added, place), At(sums, removed, added, _places + place), At(sums, removed, added, 2 * _places + place), At(sums, removed, added, 3 * _places + place)));
        return Sum(kept);

        static Vector256<float> At(ReadOnlySpan<float> sums, ReadOnlySpan<float> removed, ReadOnlySpan<float> added, int at) => Vector256.Create(sums[at..]) - Vector256.Create(removed[at..]) + Vector256.Create(added[at..]);
    }

    /// <inheritdoc/>
    protected override double KeptNow(int block)
    {
        Span<float> sums = _sums[block];
        sums.Clear();
        for (var row = block * RowsPerBlock; row < Math.Min(Rows.Length, (block + 1) * RowsPerBlock); row++)
            for (var at = 0; at < sums.Length; at += Lanes) (Vector256.Create<float>(sums[at..]) + Vector256.Create<float>(Rows[row].AsSpan(at))).CopyTo(sums[at..]);
        var kept = Vector256<double>.Zero;
        for (var place = 0; place < _places; place += Lanes)
            kept += Widened(TwoLargest(Vector256.Create<float>(sums[place..]), Vector256.Create<float>(sums[(_places + place)..]), Vector256.Create<float>(sums[(2 * _places + place)..]), Vector256.Create<float>(sums[(3 * _places + place)..])));
        return Sum(kept);
    }
}

/// <summary>The weight of a layer that sums over the channels: blocks are the quads. A row is an input channel's magnitudes, each summed over the output channels that share a pattern.</summary>
internal sealed class ConsumerTerm : KeptMagnitudeTerm
{
    private const int Quad = 4;

    private ConsumerTerm(float[][] rows, int start) : base(rows, Quad, start) => RefreshAll();

    /// <inheritdoc/>
    public override long Cost => 2L * Quad * Rows[0].Length;

    /// <param name="weights">The weight.</param>
    /// <param name="layout">Where its axes lie.</param>
    /// <param name="pattern">How many output channels share a pattern.</param>
    /// <param name="start">The input channel that is the class's channel 0.</param>
    public static ConsumerTerm Of(ReadOnlySpan<float> weights, WeightAxes layout, SparsityPattern pattern, int start)
    {
        var reduction = layout.Reduction;
        var shared = layout.SharedQuads(pattern.Channels).ToArray();
        var places = Padded(shared.Length / (reduction.Reduction / Quad));
        var rows = Enumerable.Range(0, reduction.Reduction).Select(_ => new float[places]).ToArray();
        var filled = new int[reduction.Reduction];
        var scale = ProducerTerm.Scale(weights);
        foreach (var (first, count) in shared)
        {
            var channel = reduction.QuadPlace(first).Reduction;
            var place = filled[channel]++;
            for (var i = 0; i < Quad; i++)
            {
                double sum = 0;
                for (var output = 0; output < count; output++) sum += Math.Abs((double)weights[reduction.QuadOffset(first + output * layout.QuadStride) + i * reduction.Inner]);
                rows[channel + i][place] = (float)(sum * scale);
            }
        }
        return new ConsumerTerm(rows, start);
    }

    /// <inheritdoc/>
    protected override double KeptWith(int block, int index, float[] row)
    {
        // The order within a quad does not matter.
        var first = block * Quad;
        ReadOnlySpan<float> a = first == index ? row : Rows[first], b = first + 1 == index ? row : Rows[first + 1], c = first + 2 == index ? row : Rows[first + 2], d = first + 3 == index ? row : Rows[first + 3];
        var kept = Vector256<double>.Zero;
        for (var place = 0; place < a.Length; place += Lanes) kept += Widened(TwoLargest(Vector256.Create(a[place..]), Vector256.Create(b[place..]), Vector256.Create(c[place..]), Vector256.Create(d[place..])));
        return Sum(kept);
    }

    /// <inheritdoc/>
    protected override double KeptNow(int block) => KeptWith(block, -1, []);
}
