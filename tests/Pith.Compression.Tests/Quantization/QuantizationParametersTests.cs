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
            var back = AffineQuantization.Dequantize(AffineQuantization.Quantize(values, parameters), parameters);
            Assert.Equal(0, back.Data[0]);
            Assert.InRange(Math.Abs(back.Data[1] - a), 0, parameters.Scales[0]);
            Assert.InRange(Math.Abs(back.Data[2] - b), 0, parameters.Scales[0]);
        }
    }

    [Fact]
    public void Asymmetric_of_a_rectified_tensor_uses_all_256_levels_with_zero_point_0()
    {
        var parameters = QuantizationParameters.Asymmetric(0, 6);
        Assert.Equal([0], parameters.ZeroPoints);
        Assert.Equal(6 / 255f, parameters.Scales[0]);
    }

    [Fact]
    public void Weight_scales_follow_the_axis_of_the_output_channels()
    {
        // [2, 3, 2]: the largest magnitudes are 10 and 127 along axis 0; 4, 10 and 127 along axis 1.
        float[] weights = [1, -2, 3, 10, 5, 6, -4, 1, 1, 1, 127, -100];
        var shape = new Shape(2, 3, 2);
        Assert.Equal([10 / 127f, 1f], QuantizationParameters.ForWeights(weights, shape, new Granularity.PerAxis(0)).Scales);
        Assert.Equal([4 / 127f, 10 / 127f, 1f], QuantizationParameters.ForWeights(weights, shape, new Granularity.PerAxis(1)).Scales);
        Assert.Equal([1f], QuantizationParameters.ForWeights(weights, shape, new Granularity.PerTensor()).Scales);
        Assert.Throws<PithException>(() => QuantizationParameters.ForWeights(weights, shape, new Granularity.PerAxis(3)));
    }

    [Fact]
    public void A_weight_that_is_not_finite_is_refused() =>
        Assert.Throws<PithException>(() => QuantizationParameters.ForWeights([1, float.NaN], new Shape(2), new Granularity.PerTensor()));

    [Theory]
    [InlineData(0.5f, 0)]
    [InlineData(1.5f, 2)]
    [InlineData(2.5f, 2)]
    [InlineData(-0.5f, 0)]
    [InlineData(-1.5f, -2)]
    [InlineData(127.5f, 127)]
    [InlineData(-128.5f, -128)]
    [InlineData(1e30f, 127)]
    [InlineData(float.NegativeInfinity, -128)]
    public void Rounding_is_half_to_even_and_saturates(float x, int expected) =>
        Assert.Equal(expected, AffineQuantization.ToInt8(x, 1));

    [Fact]
    public void Weights_stay_in_the_narrow_range_and_zeros_stay_zero()
    {
        var weights = Tensor.Create(new Shape(2, 2), [-1e6f, 0, 3, -0f]);
        var quantized = AffineQuantization.QuantizeWeights(weights, QuantizationParameters.Symmetric([127, 127], 0));
        Assert.Equal([-127, 0, 3, 0], quantized.Data.Select(q => (int)q));
    }

    [Fact]
    public void Dequantized_weights_are_within_half_a_step()
    {
        var weights = Tensor.Create(new Shape(8, 25), Samples.Gaussian(9, 200));
        var parameters = QuantizationParameters.ForWeights(weights.Span, weights.Shape, new Granularity.PerAxis(0));
        var back = AffineQuantization.Dequantize(AffineQuantization.QuantizeWeights(weights, parameters), parameters);
        for (var i = 0; i < weights.Length; i++)
            Assert.InRange(Math.Abs(back.Data[i] - weights.Data[i]), 0, parameters.Scales[i / 25] * 0.5001f);
    }

    [Fact]
    public void Bias_takes_the_scale_of_the_accumulator_and_refuses_what_does_not_fit()
    {
        Assert.Equal([100, -3], AffineQuantization.QuantizeBias([1f, -0.0625f], 0.1f, [0.1f, 0.2f]));
        Assert.Contains("channel 1", Assert.Throws<PithException>(() => AffineQuantization.QuantizeBias([0, 1e9f], 0.1f, [0.1f])).Message);
    }
}
