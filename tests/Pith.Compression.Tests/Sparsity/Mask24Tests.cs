
namespace Pith.Compression.Tests;

public class Mask24Tests
{
    [Theory]
    [InlineData(new float[] { 1, 2, 3, 4 }, "0011")]
    [InlineData(new float[] { -4, 1, -3, 2 }, "1010")]
    [InlineData(new float[] { 1, 1, 1, 1 }, "1100")]
    [InlineData(new float[] { 0, 0, 0, 0 }, "1100")]
    [InlineData(new float[] { 1, 2, 1, 1 }, "1100")]
    [InlineData(new float[] { 0, 0, 0, 5 }, "1001")]
    [InlineData(new float[] { 1e30f, 1, 2, 0 }, "1010")]
    public void Keeps_the_two_largest_magnitudes_and_of_equal_ones_the_first(float[] quad, string expected) =>
        Assert.Equal(expected, Text(Mask24.ByMagnitude(quad, new(1, 4, 1))));

    [Fact]
    public void Conv_quads_lie_along_the_input_channels_for_each_tap()
    {
        // One output channel, 4 input channels, 1x2 taps, [c][s]: tap 0 keeps channels 2 and 3, tap 1 channels 0 and 1.
        float[] weights = [1, 8, 2, 7, 3, 6, 4, 5];
        var layout = ReductionLayout.Of(new Shape(1, 4, 1, 2), axis: 1);
        Assert.Equal("01011010", Text(Mask24.ByMagnitude(weights, layout)));
    }

    [Fact]
    public void Keeps_the_largest_sum_of_all_six_patterns_in_every_quad()
    {
        (int, int)[] patterns = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
        foreach (var layout in new[] { new ReductionLayout(3, 8, 1), new ReductionLayout(1, 12, 5), new ReductionLayout(4, 16, 9) })
        {
            var weights = Samples.Gaussian(layout.Inner, layout.Length);
            var mask = Mask24.ByMagnitude(weights, layout);
            for (var q = 0; q < layout.QuadCount; q++)
            {
                var quad = Enumerable.Range(0, 4).Select(i => layout.QuadOffset(q) + i * layout.Inner).ToArray();
                var kept = quad.Where(index => mask[index]).Sum(index => Math.Abs((double)weights[index]));
                Assert.Equal(2, quad.Count(index => mask[index]));
                Assert.Equal(patterns.Max(p => Math.Abs((double)weights[quad[p.Item1]]) + Math.Abs((double)weights[quad[p.Item2]])), kept);
            }
        }
    }

    [Fact]
    public void Quads_cover_every_weight_once()
    {
        var layout = new ReductionLayout(3, 8, 5);
        var covered = Enumerable.Range(0, layout.QuadCount).SelectMany(q => Enumerable.Range(0, 4).Select(i => layout.QuadOffset(q) + i * layout.Inner));
        Assert.Equal(Enumerable.Range(0, layout.Length), covered.Order());
    }

    [Fact]
    public void Applied_weights_are_two_of_four_and_keep_the_magnitude_that_was_promised()
    {
        var layout = new ReductionLayout(8, 16, 9);
        var weights = Samples.Gaussian(1, layout.Length);
        var mask = Mask24.ByMagnitude(weights, layout);
        var pruned = (float[])weights.Clone();
        mask.Apply(pruned);
        Assert.Null(layout.FirstViolation<float>(pruned));
        Assert.Null(mask.FirstUnmasked(pruned));
        Assert.Equal(layout.Length / 2, pruned.Count(w => w == 0));
        Assert.Equal(pruned.Sum(w => Math.Abs((double)w)) / weights.Sum(w => Math.Abs((double)w)), mask.KeptMagnitude(weights), 1e-12);
        Assert.InRange(mask.KeptMagnitude(weights), 0.7, 0.85);
    }

    [Fact]
    public void The_first_violation_is_named_by_its_place()
    {
        var layout = new ReductionLayout(2, 8, 3);
        var weights = new float[layout.Length];
        // Output channel 1, input channels 4 to 7, tap 2.
        foreach (var c in new[] { 4, 5, 7 }) weights[(1 * 8 + c) * 3 + 2] = 1;
        Assert.Equal(new Violation24(1, 4, 2, 3), layout.FirstViolation<float>(weights));
        Assert.Equal(new Violation24(1, 4, 2, 3), layout.FirstViolation<sbyte>(Array.ConvertAll(weights, w => (sbyte)w)));
        Assert.Equal("3 non-zeros in the four weights from [1, 4, 2]", new Violation24(1, 4, 2, 3).ToString());
    }

    [Fact]
    public void A_weight_that_came_back_is_found()
    {
        var mask = Mask24.ByMagnitude([1, 2, 3, 4], new(1, 4, 1));
        Assert.Null(mask.FirstUnmasked([0, -0f, 3, 4]));
        Assert.Equal(1, mask.FirstUnmasked([0, 0.5f, 3, 4]));
    }

    [Fact]
    public void A_pruned_tensor_gives_its_mask_back()
    {
        var layout = new ReductionLayout(4, 8, 9);
        var weights = Samples.Gaussian(2, layout.Length);
        var mask = Mask24.ByMagnitude(weights, layout);
        Assert.Null(Mask24.FromZeros(weights, layout));
        mask.Apply(weights);
        Assert.Equal(mask, Mask24.FromZeros(weights, layout));
        Assert.Null(Mask24.FromZeros(new float[6], new(1, 6, 1)));
    }

    [Theory]
    [InlineData(new[] { 70, 8, 3, 3 }, 1, 0, 70)]
    [InlineData(new[] { 64, 8, 1, 1 }, 1, 0, 16)]
    [InlineData(new[] { 12, 40 }, 0, 1, 40)]
    [InlineData(new[] { 2, 8, 24 }, 1, 2, 24)]
    [InlineData(new[] { 8, 20, 2, 2 }, 0, 1, 20)]
    public void A_shared_mask_keeps_the_pair_with_the_largest_sum_over_its_output_channels(int[] dims, int reduction, int output, int perGroup)
    {
        var shape = new Shape(dims);
        var layout = WeightAxes.Of(shape, reduction, output, perGroup);
        foreach (var pattern in SparsityPattern.All)
        {
            var weights = Samples.Gaussian(pattern.Channels, shape.Length);
            var mask = Mask24.ByMagnitude(weights, layout, pattern);
            var expected = PatternReference.Pruned(weights, shape, reduction, output, perGroup, pattern.Channels);
            mask.Apply(weights);
            Assert.Equal(expected, weights);
            Assert.Equal(mask, Mask24.FromZeros(weights, layout, pattern));
            Assert.Equal(mask, Mask24.FromBytes(mask.ToBytes()));
        }
    }

    [Fact]
    public void A_mask_read_from_zeros_keeps_what_any_channel_of_the_group_keeps()
    {
        // Two channels of four share a pattern; each has but one weight left.
        float[] weights = [0, 0, 5, 0, 0, 3, 0, 0];
        var layout = WeightAxes.Of(new Shape(2, 4), 1, 0);
        Assert.Equal("01100110", Text(Mask24.FromZeros(weights, layout, SparsityPattern.Parse("4:2:4"))!));
        Assert.Equal("10101100", Text(Mask24.FromZeros(weights, layout, SparsityPattern.TwoOfFour)!));
        Assert.Null(Mask24.FromZeros([1, 1, 0, 0, 0, 0, 1, 0], layout, SparsityPattern.Parse("4:2:4")));
    }

    [Fact]
    public void Bytes_round_trip()
    {
        foreach (var layout in new[] { new ReductionLayout(1, 4, 1), new ReductionLayout(5, 12, 9), new ReductionLayout(0, 4, 1) })
        {
            var mask = Mask24.ByMagnitude(Samples.Gaussian(3, layout.Length), layout);
            var back = Mask24.FromBytes(mask.ToBytes());
            Assert.Equal(mask, back);
            Assert.Equal(mask.GetHashCode(), back.GetHashCode());
        }
    }

    [Fact]
    public void Damaged_bytes_are_refused()
    {
        var bytes = Mask24.ByMagnitude(Samples.Gaussian(4, 96), new(2, 16, 3)).ToBytes();
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<PithException>(() => Mask24.FromBytes(bytes.AsSpan(0, length)));
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            var damaged = (byte[])bytes.Clone();
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Throws<PithException>(() => Mask24.FromBytes(damaged));
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        Assert.Throws<PithException>(() => Mask24.ByMagnitude(new float[6], new(1, 6, 1)));
        Assert.Throws<PithException>(() => Mask24.ByMagnitude(new float[7], new(1, 8, 1)));
    }

    private static string Text(Mask24 mask) => string.Concat(Enumerable.Range(0, mask.Layout.Length).Select(i => mask[i] ? '1' : '0'));
}
