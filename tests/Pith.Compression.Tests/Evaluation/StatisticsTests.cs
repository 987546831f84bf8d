using Pith.Benchmarking;

namespace Pith.Compression.Tests;

public class StatisticsTests
{
    [Theory]
    [InlineData(0, 10, 0, 0.2775)]
    [InlineData(10, 10, 0.7225, 1)]
    [InlineData(5, 10, 0.2366, 0.7634)]
    [InlineData(915, 1000, 0.8961, 0.9307)]
    public void Wilson_interval_has_its_published_values(int successes, int count, double low, double high)
    {
        var interval = ConfidenceInterval.Wilson(successes, count);
        Assert.Equal(low, interval.Low, 1e-4);
        Assert.Equal(high, interval.High, 1e-4);
    }

    [Fact]
    public void Wilson_interval_of_nothing_is_everything() => Assert.Equal(new ConfidenceInterval(0, 1), ConfidenceInterval.Wilson(0, 0));

    [Fact]
    public void Paired_comparison_counts_who_was_right_where()
    {
        var (first, second) = (new TopKAccuracy(), new TopKAccuracy());
        // Labels are 0; predictions of the two models per image.
        foreach (var (a, b) in new[] { (0, 0), (0, 1), (1, 0), (1, 1), (1, 2) })
        {
            first.Add(OneHot(a), 0);
            second.Add(OneHot(b), 0);
        }
        var comparison = PairedComparison.Of(first, second);
        Assert.Equal(new PairedComparison(1, 1, 1, 2, 2), comparison);
        Assert.Equal(0, comparison.Difference);
        Assert.Equal(0.4, comparison.AgreementRate);
        first.Add(OneHot(0), 0);
        Assert.Throws<PithException>(() => PairedComparison.Of(first, second));

        static float[] OneHot(int index) => [index == 0 ? 1 : 0, index == 1 ? 1 : 0, index == 2 ? 1 : 0];
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 9, 22.0 / 1024)]
    [InlineData(9, 1, 22.0 / 1024)]
    [InlineData(5, 5, 1)]
    [InlineData(0, 6, 2.0 / 64)]
    // 2 sum_k C(n, k) / 2^n, computed in exact integers.
    [InlineData(6, 16, 0.052478790283203125)]
    [InlineData(12, 5, 0.143463134765625)]
    [InlineData(16, 9, 0.2295229434967041)]
    [InlineData(30, 10, 0.0022214337732293643)]
    public void McNemars_test_is_the_binomial_tail(int onlyFirst, int onlySecond, double expected) =>
        Assert.Equal(expected, new PairedComparison(100, onlyFirst, onlySecond, 10, 100).McNemarPValue, 1e-12);

    [Theory]
    [InlineData(0, 0, PairedVerdict.Same)]
    [InlineData(1, 0, PairedVerdict.WithinChance)]
    [InlineData(6, 16, PairedVerdict.WithinChance)]
    [InlineData(30, 10, PairedVerdict.Worse)]
    [InlineData(10, 30, PairedVerdict.Better)]
    public void The_verdict_is_that_of_the_exact_test(int onlyFirst, int onlySecond, PairedVerdict verdict) =>
        Assert.Equal(verdict, new PairedComparison(300, onlyFirst, onlySecond, 40, 300).Verdict);

    [Fact]
    public void McNemars_test_does_not_underflow() =>
        Assert.InRange(new PairedComparison(0, 5000, 5100, 0, 0).McNemarPValue, 0.3, 0.34);

    [Fact]
    public void Paired_interval_covers_the_true_difference_in_95_of_100_studies()
    {
        var random = new Random(1);
        const int Studies = 2000, Images = 400;
        const double OnlyFirst = 0.05, OnlySecond = 0.02;
        var covered = 0;
        for (var study = 0; study < Studies; study++)
        {
            int first = 0, second = 0;
            for (var image = 0; image < Images; image++)
            {
                var u = random.NextDouble();
                if (u < OnlyFirst) first++;
                else if (u < OnlyFirst + OnlySecond) second++;
            }
            var interval = new PairedComparison(Images - first - second, first, second, 0, 0).Interval;
            if (interval.Low <= OnlySecond - OnlyFirst && OnlySecond - OnlyFirst <= interval.High) covered++;
        }
        Assert.InRange(covered / (double)Studies, 0.935, 0.97);
    }

    [Fact]
    public void Paired_interval_has_a_width_even_when_the_models_never_differ()
    {
        var interval = new PairedComparison(900, 0, 0, 100, 1000).Interval;
        Assert.InRange(interval.High, 0.001, 0.005);
        Assert.Equal(-interval.High, interval.Low, 1e-12);
    }

    [Fact]
    public void Snr_and_cosine_have_their_defined_values()
    {
        var comparison = new SignalComparison();
        comparison.Add([3, 0], [3, 0]);
        Assert.Equal(double.PositiveInfinity, comparison.SnrDecibels);
        Assert.Equal(1, comparison.Cosine, 1e-12);
        comparison.Add([0, 1], [0, 0]);
        Assert.Equal(10, comparison.SnrDecibels, 1e-12);
        Assert.Equal(9 / (Math.Sqrt(10) * 3), comparison.Cosine, 1e-12);
        Assert.Equal(1, comparison.MaxAbsoluteError);
        Assert.Equal(4, comparison.Count);
        Assert.Throws<PithException>(() => comparison.Add([1], [1, 2]));
    }

    [Fact]
    public void Snr_does_not_depend_on_the_batches()
    {
        var (reference, other) = (Samples.Gaussian(1, 1000), Samples.Gaussian(2, 1000));
        var (whole, parts) = (new SignalComparison(), new SignalComparison());
        whole.Add(reference, other);
        for (var at = 0; at < 1000; at += 100) parts.Add(reference.AsSpan(at, 100), other.AsSpan(at, 100));
        Assert.Equal(whole.SnrDecibels, parts.SnrDecibels);
    }

    [Fact]
    public void Latency_percentiles_interpolate_between_ranks()
    {
        var statistics = LatencyStatistics.Of(Enumerable.Range(1, 101).Reverse().Select(i => (double)i).ToArray());
        Assert.Equal((1, 51, 51, 91, 96, 100), (statistics.MinSeconds, statistics.MeanSeconds, statistics.MedianSeconds, statistics.Percentile(90), statistics.Percentile(95), statistics.Percentile(99)));
        Assert.Equal(Math.Sqrt(858.5) / 51, statistics.CoefficientOfVariation, 1e-12);
        Assert.Equal(1.5, LatencyStatistics.Of([2, 1]).MedianSeconds);
        Assert.Equal((1, 101), (statistics.Percentile(0), statistics.Percentile(100)));
        var single = LatencyStatistics.Of([7]);
        Assert.Equal((1, 7, 7, 7, 7, 0), (single.Count, single.MinSeconds, single.MeanSeconds, single.MedianSeconds, single.Percentile(99.9), single.CoefficientOfVariation));
        Assert.Throws<ArgumentException>(() => LatencyStatistics.Of([]));
        Assert.All([-1, 100.5, double.NaN], percent => Assert.Throws<ArgumentOutOfRangeException>(() => statistics.Percentile(percent)));
    }
}
