namespace Pith.Compression.Tests;

public class CalibratorTests
{
    [Fact]
    public void Catalog_lists_every_calibrator_and_finds_each_by_what_it_prints()
    {
        var types = typeof(Calibrator).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Calibrator))).ToHashSet();
        Assert.Equal(types, CalibratorCatalog.All.Select(c => c.GetType()).ToHashSet());
        foreach (var calibrator in CalibratorCatalog.All)
        {
            Assert.Equal(calibrator, CalibratorCatalog.Parse(calibrator.Name));
            Assert.Equal(calibrator, CalibratorCatalog.Parse(calibrator.ToString()));
            Assert.NotEmpty(calibrator.Help);
        }
        Assert.Equal(new PercentileCalibrator(99.9), CalibratorCatalog.Parse("percentile:99.9"));
    }

    [Theory]
    [InlineData("minmax", "Choose one of: auto, max, percentile, mse, entropy")]
    [InlineData("max:3", "has no parameter")]
    [InlineData("percentile:lots", "a number was expected")]
    [InlineData("percentile:0", "above 0 and at most 100, got 0")]
    [InlineData("percentile:NaN", "above 0 and at most 100")]
    public void A_calibrator_that_does_not_exist_is_an_error_that_says_what_does(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<PithException>(() => CalibratorCatalog.Parse(text)).Message);

    [Fact]
    public void Every_calibrator_refuses_a_tensor_that_was_never_observed_and_gives_zero_for_one_that_was_always_zero()
    {
        foreach (var calibrator in CalibratorCatalog.All)
        {
            Assert.Contains("'x'", Assert.Throws<PithException>(() => calibrator.Amax(new Histogram("x"))).Message);
            Assert.Equal(0, calibrator.Amax(Samples.HistogramOf(0, 0, 0)));
        }
    }

    [Fact]
    public void Every_calibrator_finds_the_value_of_a_constant_tensor()
    {
        foreach (var calibrator in CalibratorCatalog.All)
            foreach (var value in new[] { 1f, -6f, 0.3f, 1e-30f, 1e30f, float.MaxValue })
                Assert.InRange(calibrator.Amax(Samples.HistogramOf(Enumerable.Repeat(value, 100).ToArray())), Math.Abs(value), Math.Abs(value) * 1.001f);
    }

    [Fact]
    public void Max_is_the_largest_magnitude_exactly() =>
        Assert.Equal(3.3f, new MaxCalibrator().Amax(Samples.HistogramOf(1f, -3.3f, 2f)));

    [Fact]
    public void Percentile_ignores_outliers_above_the_quantile()
    {
        var values = Samples.Gaussian(5, 100_000);
        values[17] = 500;
        var amax = new PercentileCalibrator(99.99).Amax(Samples.HistogramOf(values));
        Assert.InRange(amax, 3.5f, 4.6f);
    }

    [Theory]
    [InlineData(100.0)]
    [InlineData(99.99)]
    [InlineData(99.9)]
    [InlineData(50.0)]
    [InlineData(0.001)]
    public void Percentile_is_the_first_edge_whose_cdf_reaches_it(double percentile)
    {
        var values = Samples.Relu(6, 30_000);
        var histogram = Samples.HistogramOf(values);
        var amax = new PercentileCalibrator(percentile).Amax(histogram);
        var width = (float)histogram.BinWidth;
        Assert.True(ShareBelow(amax) * 100 >= percentile);
        if (amax > width) Assert.True(ShareBelow(amax - width) * 100 < percentile);

        double ShareBelow(float edge) => (double)values.Count(x => Math.Abs(x) < edge) / values.Length;
    }

    [Theory]
    [InlineData(127)]
    [InlineData(255)]
    public void Mse_finds_the_edge_of_the_literal_search(int levels)
    {
        for (var seed = 0; seed < 6; seed++)
        {
            var histogram = Distribution(seed);
            var errors = ReferenceCalibration.MseErrors(histogram.Counts, histogram.OccupiedBins, levels);
            var edge = (int)Math.Round(new MseCalibrator().Amax(histogram, levels) / histogram.BinWidth);
            Assert.True(errors[edge] <= errors.Values.Min() * (1 + 1e-9), $"seed {seed}, levels {levels}: edge {edge}");
        }
    }

    [Theory]
    [InlineData(127)]
    [InlineData(255)]
    public void Entropy_finds_the_edge_of_the_literal_search(int levels)
    {
        for (var seed = 0; seed < 6; seed++)
        {
            var histogram = Distribution(seed);
            var divergences = ReferenceCalibration.Divergences(histogram.Counts, histogram.OccupiedBins, levels + 1);
            var edge = (int)Math.Round(new EntropyCalibrator().Amax(histogram, levels) / histogram.BinWidth);
            Assert.True(divergences[edge] <= divergences.Values.Min() + 1e-9, $"seed {seed}, levels {levels}: edge {edge}");
        }
    }

    [Fact]
    public void Mse_and_entropy_clip_an_outlier()
    {
        var values = Samples.Gaussian(8, 100_000);
        values[3] = 30;
        var histogram = Samples.HistogramOf(values);
        // Clipping the one value by d costs d^2, the coarser step of all others 100,000 * amax^2 / (12 * 127^2): least near 20.
        Assert.InRange(new MseCalibrator().Amax(histogram), 19, 21);
        Assert.InRange(new EntropyCalibrator().Amax(histogram), 2, 12);
    }

    [Fact]
    public void Scales_are_exact_or_short_and_mse_takes_the_better_neighbour()
    {
        for (var seed = 0; seed < 6; seed++)
        {
            var histogram = Distribution(seed);
            foreach (var calibrator in CalibratorCatalog.All)
            {
                var amax = calibrator.Amax(histogram);
                Assert.Equal(amax / 127, calibrator.Scale(histogram, 127, exact: true));
                var scale = calibrator.Scale(histogram, 127, exact: false);
                Assert.True(ShortScale.IsShort(scale));
                if (calibrator is MseCalibrator or AutoCalibrator)
                {
                    var other = scale * 127 >= amax ? ShortScale.Below(scale) : ShortScale.RoundUp(amax / 127);
                    Assert.True(SquaredError(histogram, scale) <= SquaredError(histogram, other) * (1 + 1e-9), $"seed {seed}");
                }
                else
                {
                    Assert.Equal(calibrator is MaxCalibrator ? ShortScale.RoundUp(amax / 127) : ShortScale.RoundToNearest(amax / 127), scale);
                }
            }
        }

        static double SquaredError(Histogram histogram, float scale)
        {
            var error = 0.0;
            for (var bin = 0; bin < Histogram.BinCount; bin++)
            {
                var centre = (bin + 0.5) * histogram.BinWidth;
                var quantized = Math.Min(Math.Round(centre / scale), 127) * scale;
                error += histogram.Counts[bin] * (quantized - centre) * (quantized - centre);
            }
            return error;
        }
    }

    [Fact]
    public void Values_below_the_smallest_range_calibrate_to_an_amax_that_counts_as_zero()
    {
        foreach (var calibrator in CalibratorCatalog.All)
            Assert.InRange(calibrator.Amax(Samples.HistogramOf(float.Epsilon, 1e-40f)), 0, QuantizationParameters.SmallestAmax);
    }

    /// <summary>Gaussian, rectified, heavy-tailed, sparse, uniform and with a spike at the top.</summary>
    private static Histogram Distribution(int kind) => Samples.HistogramOf(kind switch
    {
        0 => Samples.Gaussian(kind, 20_000),
        1 => Samples.Relu(kind, 20_000),
        2 => Array.ConvertAll(Samples.Gaussian(kind, 20_000), x => x * x * x),
        3 => Samples.Gaussian(kind, 150),
        4 => Enumerable.Range(1, 5000).Select(i => i / 5000f).ToArray(),
        _ => [.. Samples.Gaussian(kind, 20_000), .. Enumerable.Repeat(6f, 4000)],
    });
}
