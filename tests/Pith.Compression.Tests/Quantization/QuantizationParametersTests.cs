using Pith.Ops;

namespace Pith.Compression.Tests;

public class QuantizationParametersTests
{
    [Fact]
    public void Symmetric_scale_is_amax_over_127_with_zero_point_0()
    {
        var parameters = QuantizationParameters.Symmetric(254);
        Assert.Equal([2f], parameters.Scales);
        Assert.Equal([0], parameters.ZeroPoints);
        Assert.Equal(DataType.Int8, parameters.DataType);
        Assert.Equal(QuantizationParameters.Symmetric(254), parameters);
        Assert.Equal([250 / 127f], QuantizationParameters.Symmetric(250, exactScale: true).Scales);
        Assert.Equal([2f], QuantizationParameters.Symmetric(250).Scales);
    }

    [Fact]
    public void Short_scales_have_four_significant_bits_and_cover_the_range()
    {
        var random = new Random(2);
        for (var trial = 0; trial < 10_000; trial++)
        {
            var scale = (float)Math.ScaleB(1 + random.NextDouble(), random.Next(-30, 20));
            var (up, nearest) = (ShortScale.RoundUp(scale), ShortScale.RoundToNearest(scale));
            Assert.True(ShortScale.IsShort(up) && ShortScale.IsShort(nearest), $"scale {scale:R}");
            Assert.InRange(up / scale, 1, 1.125f);
            Assert.InRange(nearest / scale, 1 / 1.0667f, 1.0667f);
            Assert.Equal(up, ShortScale.RoundUp(up));
            Assert.Equal(up, ShortScale.RoundToNearest(up));
            Assert.InRange(ShortScale.Below(up), up / 1.1251f, MathF.BitDecrement(up));
        }
        Assert.Equal([1f, 1.125f, 1.25f, 1.375f, 1.5f, 1.625f, 1.75f, 1.875f, 2f], Enumerable.Range(0, 9).Select(i => ShortScale.RoundUp(1 + i / 8f - 0.01f)));
    }

    [Fact]
    public void A_range_that_counts_as_zero_gets_scale_1()
    {
        Assert.Equal([1f], QuantizationParameters.Symmetric(0).Scales);
        Assert.Equal([1f], QuantizationParameters.Symmetric(QuantizationParameters.SmallestAmax).Scales);
        Assert.NotEqual([1f], QuantizationParameters.Symmetric(MathF.BitIncrement(QuantizationParameters.SmallestAmax)).Scales);
        Assert.Equal([1f], QuantizationParameters.Asymmetric(0, 0).Scales);
    }

    [Theory]
    [InlineData(-1f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void An_impossible_amax_is_refused(float amax) =>
        Assert.Throws<PithException>(() => QuantizationParameters.Symmetric(amax));

    [Fact]
    public void Asymmetric_range_represents_zero_exactly_and_both_ends_within_a_step()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 200; trial++)
        {
            var (a, b) = (random.NextSingle() * 10 - 5, random.NextSingle() * 10 - 5);
            var parameters = QuantizationParameters.Asymmetric(Math.Min(a, b), Math.Max(a, b));
            var values = Tensor.Vector(0f, a, b);
            Tensor[] scale = [Tensor.Scalar(parameters.Scales[0]), Tensor.Scalar((byte)parameters.ZeroPoints[0])];
            var back = new DequantizeLinear().Evaluate([new QuantizeLinear().Evaluate([values, .. scale], 1)[0], .. scale], 1)[0].As<float>();
            Assert.Equal(0, back.Data[0]);
            Assert.InRange(Math.Abs(back.Data[1] - a), 0, parameters.Scales[0]);
            Assert.InRange(Math.Abs(back.Data[2] - b), 0, parameters.Scales[0]);
        }
    }

    [Fact]
    public void Asymmetric_of_a_rectified_tensor_uses_all_256_levels_with_zero_point_0()
    {
        var parameters = QuantizationParameters.Asymmetric(0, 6, exactScale: true);
        Assert.Equal([0], parameters.ZeroPoints);
        Assert.Equal(6 / 255f, parameters.Scales[0]);
    }

    [Fact]
    public void Weight_ranges_follow_the_axis_of_the_output_channels()
    {
        // [2, 3, 2]: the largest magnitudes are 10 and 127 along axis 0; 4, 10 and 127 along axis 1.
        float[] weights = [1, -2, 3, 10, 5, 6, -4, 1, 1, 1, 127, -100];
        var shape = new Shape(2, 3, 2);
        Assert.Equal([10f, 127f], QuantizationParameters.MaxAbs(weights, shape, new Granularity.PerAxis(0)));
        Assert.Equal([4f, 10f, 127f], QuantizationParameters.MaxAbs(weights, shape, new Granularity.PerAxis(1)));
        Assert.Equal([127f], QuantizationParameters.MaxAbs(weights, shape, new Granularity.PerTensor()));
        Assert.Throws<PithException>(() => QuantizationParameters.MaxAbs(weights, shape, new Granularity.PerAxis(3)));
        Assert.Equal([10 / 127f, 1f], QuantizationParameters.Symmetric([10, 127], 0, exactScale: true).Scales);
    }

    [Fact]
    public void A_weight_that_is_not_finite_is_refused() =>
        Assert.Throws<PithException>(() => QuantizationParameters.MaxAbs([1, float.NaN], new Shape(2), new Granularity.PerTensor()));
}
