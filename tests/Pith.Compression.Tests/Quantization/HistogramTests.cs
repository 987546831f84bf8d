namespace Pith.Compression.Tests;

public class HistogramTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(4096 + 31)]
    [InlineData(50_021)]
    public void Fast_counting_equals_the_plain_loops(int count)
    {
        foreach (var values in new[] { Samples.Gaussian(1, count), Samples.Relu(2, count, 7), Samples.Wild(3, count) })
        {
            Assert.Equal(HistogramKernel.SummarizePlain(values), HistogramKernel.Summarize(values));
            var maxAbs = values.Length == 0 ? 0 : values.Max(MathF.Abs);
            var binsPerUnit = maxAbs == 0 ? 1 : MathF.ScaleB(1, Histogram.BinCountLog2 - Histogram.RangeLog2Above(maxAbs));
            var (plain, fast) = (new long[Histogram.BinCount], new long[Histogram.BinCount]);
            var plainZeros = HistogramKernel.CountPlain(values, binsPerUnit, plain);
            Assert.Equal(plainZeros, HistogramKernel.Count(values, binsPerUnit, fast));
            Assert.Equal(plain, fast);
        }
    }

    [Fact]
    public void Result_does_not_depend_on_batch_size_order_or_who_merges()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var values = Samples.Wild(seed, 3000).Concat(Samples.Gaussian(seed, 9000)).ToArray();
            var whole = Samples.HistogramOf(values);

            var random = new Random(seed);
            var shuffled = (float[])values.Clone();
            random.Shuffle(shuffled);
            var parts = Enumerable.Range(0, 3).Select(_ => new Histogram("x")).ToArray();
            for (var at = 0; at < shuffled.Length;)
            {
                var length = Math.Min(random.Next(1, 5000), shuffled.Length - at);
                parts[random.Next(parts.Length)].Add(shuffled.AsSpan(at, length));
                at += length;
            }
            random.Shuffle(parts);
            var merged = new Histogram("x");
            foreach (var part in parts) merged.Merge(part);

            AssertSame(whole, merged, $"seed {seed}");
        }
    }

    [Fact]
    public void Bins_hold_their_lower_edge_and_not_their_upper_one()
    {
        var histogram = Samples.HistogramOf(1.5f, 1f, 0.5f, -0.5f, 0f, -0f);
        Assert.Equal(2, histogram.Range);
        Assert.Equal(2, histogram.Counts[0]);
        Assert.Equal(2, histogram.Counts[512]);
        Assert.Equal(1, histogram.Counts[1024]);
        Assert.Equal(1, histogram.Counts[1536]);
        Assert.Equal(1f, histogram.Edge(1024));
        Assert.Equal(1537, histogram.OccupiedBins);
        Assert.Equal(2, histogram.ZeroCount);
        Assert.Equal(6, histogram.ElementCount);
    }

    [Fact]
    public void A_power_of_two_itself_lies_in_the_next_range()
    {
        Assert.Equal(8, Samples.HistogramOf(4f).Range);
        Assert.Equal(4, Samples.HistogramOf(MathF.BitDecrement(4f)).Range);
    }

    [Fact]
    public void Minimum_maximum_and_largest_magnitude_are_exact_and_contain_zero()
    {
        var histogram = Samples.HistogramOf(-3.3f, 0.1f, 2.7f);
        Assert.Equal((-3.3f, 2.7f, 3.3f), (histogram.Min, histogram.Max, histogram.MaxAbs));
        histogram = Samples.HistogramOf(1.25f, 3f);
        Assert.Equal((0f, 3f, 3f), (histogram.Min, histogram.Max, histogram.MaxAbs));
    }

    [Fact]
    public void The_largest_and_the_smallest_floats_fit()
    {
        var histogram = Samples.HistogramOf(float.MaxValue, float.Epsilon, -float.Epsilon, 0);
        Assert.Equal(4, histogram.Counts.ToArray().Sum());
        Assert.Equal(1, histogram.Counts[Histogram.BinCount - 1]);
        Assert.Equal(3, histogram.Counts[0]);
        histogram = Samples.HistogramOf(float.Epsilon);
        Assert.Equal(1, histogram.Counts[0]);
        Assert.Equal(0, histogram.ZeroCount);
    }

    [Fact]
    public void Snapshot_stays_as_it_was()
    {
        var histogram = Samples.HistogramOf(1f, 2f);
        var snapshot = histogram.Snapshot();
        histogram.Add([100f]);
        AssertSame(Samples.HistogramOf(1f, 2f), snapshot, "snapshot");
    }

    [Theory]
    [InlineData(float.NaN, 5, 10)]
    [InlineData(float.PositiveInfinity, 999, 1000)]
    [InlineData(float.NegativeInfinity, 40, 5000)]
    public void A_value_that_is_not_finite_is_an_error_that_names_tensor_batch_and_element(float bad, int at, int count)
    {
        var values = Samples.Gaussian(4, count);
        values[at] = bad;
        var histogram = new Histogram("layer1/relu");
        var error = Assert.Throws<PithException>(() => histogram.Add(values, batch: 7));
        Assert.Contains("'layer1/relu'", error.Message);
        Assert.Contains("batch 7", error.Message);
        Assert.Contains($"element {at}", error.Message);
    }

    [Fact]
    public void Share_above_counts_the_bins_beyond_a_threshold()
    {
        var histogram = Samples.HistogramOf(0.5f, 1f, 1.5f, 0f);
        Assert.Equal(0.5, histogram.ShareAbove(1));
        Assert.Equal(0.25, histogram.ShareAbove(1.01));
        Assert.Equal(0, new Histogram("x").ShareAbove(0));
    }

    private static void AssertSame(Histogram expected, Histogram actual, string repro)
    {
        Assert.True(expected.Counts.SequenceEqual(actual.Counts), repro);
        Assert.True((expected.Range, expected.Min, expected.Max, expected.ElementCount, expected.ZeroCount)
            == (actual.Range, actual.Min, actual.Max, actual.ElementCount, actual.ZeroCount), repro);
    }
}
