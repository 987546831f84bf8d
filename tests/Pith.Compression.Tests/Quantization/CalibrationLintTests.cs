namespace Pith.Compression.Tests;

public class CalibrationLintTests
{
    [Fact]
    public void A_well_behaved_tensor_gives_no_finding()
    {
        var values = Samples.Gaussian(1, 100_000);
        foreach (var calibrator in CalibratorCatalog.All)
            Assert.DoesNotContain(CalibrationLint.CheckTensor(Samples.HistogramOf(values), Samples.HistogramOf(values.AsSpan(0, 50_000)), calibrator), f => f.Rule != "convergence");
        Assert.Empty(CalibrationLint.CheckTensor(Samples.HistogramOf(values), Samples.HistogramOf(values.AsSpan(0, 50_000)), new PercentileCalibrator()));
    }

    [Fact]
    public void A_dead_tensor_is_reported_once() =>
        Assert.Equal("zero_range", Assert.Single(CalibrationLint.CheckTensor(Samples.HistogramOf(0, 0), Samples.HistogramOf(0), new MaxCalibrator())).Rule);

    [Fact]
    public void Clipping_more_than_a_thousandth_is_reported()
    {
        var histogram = Samples.HistogramOf(Samples.Gaussian(2, 100_000));
        var finding = Assert.Single(CalibrationLint.CheckTensor(histogram, null, new PercentileCalibrator(99)));
        Assert.Equal(("saturation", "x", FindingSeverity.Warning), (finding.Rule, finding.Tensor, finding.Severity));
        Assert.Contains("clips 0.99% of its values", finding.Message);
    }

    [Fact]
    public void Outliers_that_take_the_range_are_reported()
    {
        var values = Samples.Gaussian(3, 100_000);
        values[0] = 100;
        Assert.Equal("outliers", Assert.Single(CalibrationLint.CheckTensor(Samples.HistogramOf(values), null, new MaxCalibrator())).Rule);
    }

    [Fact]
    public void A_range_that_still_grows_is_reported()
    {
        float[] values = [.. Samples.Gaussian(4, 10_000), .. Samples.Gaussian(5, 10_000, sigma: 2)];
        Assert.Equal("convergence", Assert.Single(CalibrationLint.CheckTensor(Samples.HistogramOf(values), Samples.HistogramOf(values.AsSpan(0, 10_000)), new MaxCalibrator())).Rule);
    }

    [Theory]
    [InlineData(512, 10, 10, null)]
    [InlineData(512, 3, 10, FindingSeverity.Warning)]
    [InlineData(512, 401, 1000, FindingSeverity.Info)]
    [InlineData(512, 51, 1000, FindingSeverity.Warning)]
    public void Missing_classes_matter_when_a_random_draw_would_have_shown_more(int samples, int covered, int classes, FindingSeverity? expected) =>
        Assert.Equal(expected, CalibrationLint.CheckClasses(samples, covered, classes).SingleOrDefault()?.Severity);
}
