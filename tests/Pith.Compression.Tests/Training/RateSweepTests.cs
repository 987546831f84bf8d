namespace Pith.Compression.Tests.Training;

public class RateSweepTests
{
    [Fact]
    public void The_rate_where_the_loss_falls_fastest_is_suggested()
    {
        // A step down around a rate of 0.01, then an explosion.
        var sweep = RateSweep.Run(100, (_, rate) => 2 - 1.5 / (1 + Math.Pow(0.01 / rate, 2)) + Math.Pow(rate, 4));
        // The smoothing lags after by some steps of a factor of 1.18 each.
        Assert.InRange(sweep.Suggested!.Value, 0.01, 0.06);
        Assert.True(sweep.Points.Count < 100, "the explosion ends the sweep");
        Assert.Contains("diverged", sweep.End);
    }

    [Fact]
    public void Nothing_is_suggested_when_the_loss_never_falls()
    {
        Assert.Null(RateSweep.Run(100, (step, _) => 1 + step).Suggested);
        var broken = RateSweep.Run(100, (_, _) => double.NaN);
        Assert.Empty(broken.Points);
        Assert.Null(broken.Suggested);
        Assert.Equal(100, RateSweep.Run(100, (_, _) => 1).Points.Count);
    }
}
