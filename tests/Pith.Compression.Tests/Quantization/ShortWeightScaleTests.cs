namespace Pith.Compression.Tests;

public class ShortWeightScaleTests
{
    [Fact]
    public void The_largest_weight_that_is_nearly_all_of_a_filter_lies_close_to_a_whole_number_of_steps()
    {
        var random = new Random(5);
        for (var trial = 0; trial < 200; trial++)
        {
            var filter = Enumerable.Range(0, 9).Select(i => i == 4 ? 1 + random.NextSingle() : random.NextSingle() * 0.001f).ToArray();
            var scale = ShortWeightScale.Choose(filter, filter[4], 127, 255);
            var steps = filter[4] / scale;
            Expect.That(Math.Abs(steps - MathF.Round(steps)) < 0.1f, $"trial {trial}: {steps} steps");
            Assert.InRange(steps, 97, 127.5f);
        }
    }

    [Fact]
    public void No_scale_of_the_grid_has_a_smaller_error()
    {
        var random = new Random(6);
        foreach (var (length, largest, limit) in new[] { (1, 127, 255), (9, 127, 75), (64, 63, 45), (577, 127, 15) })
        {
            var weights = Enumerable.Range(0, length).Select(_ => random.NextSingle()).ToArray();
            var amax = weights.Max();
            var chosen = ShortWeightScale.Choose(weights, amax, largest, limit);
            Assert.InRange(ShortWeightScale.OddPart(chosen), 1, limit);
            for (var significand = 128; significand < 256; significand++)
                for (var exponent = -20; exponent < 0; exponent++)
                {
                    var scale = MathF.ScaleB(significand, exponent);
                    if (ShortWeightScale.OddPart(scale) > limit || scale < amax / (largest + 0.49f) || scale > 1.3f * amax / largest) continue;
                    Assert.True(Error(chosen) <= Error(scale) * 1.0001 + 1e-12, $"{length} weights, limit {limit}: {chosen} has a larger error than {scale}");
                }

            double Error(float scale) => weights.Sum(w => Math.Pow(w - Math.Min(Math.Round((double)w / scale), largest) * scale, 2));
        }
    }

    [Fact]
    public void Sums_fit_a_float_where_the_filter_is_small_and_the_limit_follows_the_input()
    {
        // Nine weights, at most 300 steps together: 128 * 300 * 3 * 145 is below 2^24.
        Assert.Equal(145, ShortWeightScale.Limit(QuantizationParameters.FromScale(3f / 64), 300, 0, 1));
        Assert.Equal(75, ShortWeightScale.Limit(QuantizationParameters.FromScale(3f / 64), 1e6, 0, 1));
        Assert.Equal(15, ShortWeightScale.Limit(QuantizationParameters.FromScale(15f / 64), 1e6, 0, 1));
        Assert.Equal(225, ShortWeightScale.Limit(QuantizationParameters.FromScale(1f / 64), 1e6, 0, 1));
        Assert.True(ShortWeightScale.Limit(QuantizationParameters.FromScale(3f / 64), 300, 1000, 1) < 145);
    }

    [Fact]
    public void Odd_parts_are_those_of_the_significand()
    {
        foreach (var (scale, odd) in new[] { (1f, 1), (0.75f, 3), (1e-9f, 0), (15f / 1024, 15), (255f * 1024, 255) })
            if (odd > 0) Assert.Equal(odd, ShortWeightScale.OddPart(scale));
            else Assert.True(ShortWeightScale.OddPart(scale) > 255);
        Assert.Equal(0.75f, ShortWeightScale.Nearest(0.7501f, 15));
        Assert.Equal(1f, ShortWeightScale.Nearest(0.97f, 1));
    }
}
