
namespace Pith.Tests;

public class SparsityPatternTests
{
    /// <summary>Shape, reduction axis, output axis (-1: none), groups.</summary>
    public static TheoryData<int[], int, int, int> Weights => new()
    {
        { [64, 8, 3, 3], 1, 0, 1 },
        { [10, 16, 1, 1], 1, 0, 1 },
        { [100, 4, 5, 5], 1, 0, 1 },
        { [48, 8, 3], 1, 0, 1 },
        { [96, 8, 1, 1], 1, 0, 4 },
        { [40, 4, 3, 3], 1, 0, 2 },
        { [16, 24], 1, 0, 1 },
        { [24, 70], 0, 1, 1 },
        { [3, 12, 36], 1, 2, 1 },
        { [3, 36, 12], 2, 1, 1 },
        { [16, 20, 2, 2], 0, 1, 1 },
        { [8], 0, -1, 1 },
        { [1, 8, 3, 3], 1, 0, 1 },
        { [64, 4], 1, 0, 1 },
    };

    [Theory, MemberData(nameof(Weights))]
    public void The_strictest_pattern_that_holds_is_found(int[] dims, int reduction, int output, int groups)
    {
        var shape = new Shape(dims);
        int? axis = output < 0 ? null : output;
        var perGroup = axis is null ? 1 : shape[output] / groups;
        var layout = WeightAxes.Of(shape, reduction, axis, perGroup);
        for (var seed = 1; seed <= 3; seed++)
            foreach (var made in SparsityPattern.All)
            {
                var weights = PatternReference.Pruned(Random(seed, shape.Length), shape, reduction, axis, perGroup, made.Channels);
                // Channels of a group that share one pattern have every larger V; the smallest one that takes them all names it.
                var expected = SparsityPattern.All.Last(pattern => (pattern.Channels == 1 || (pattern.Channels == 4 ? 1 : pattern.Channels / 2) < perGroup) && PatternReference.Holds(weights, shape, reduction, axis, perGroup, pattern.Channels));
                Assert.Equal(expected, SparsityPattern.Of<float>(weights, layout));
                Assert.Equal(expected, SparsityPattern.Of<sbyte>(Array.ConvertAll(weights, w => (sbyte)Math.Sign(w)), layout));
                foreach (var pattern in SparsityPattern.All)
                    Assert.Equal(PatternReference.Holds(weights, shape, reduction, axis, perGroup, pattern.Channels), pattern.FirstViolation<float>(weights, layout) is null);
            }
    }

    [Fact]
    public void A_weight_made_for_one_pattern_has_it()
    {
        var shape = new Shape(128, 16, 3, 3);
        foreach (var pattern in SparsityPattern.All)
            Assert.Equal(pattern, SparsityPattern.Of<float>(PatternReference.Pruned(Random(1, shape.Length), shape, 1, 0, 128, pattern.Channels), WeightAxes.Of(shape, 1, 0)));
    }

    [Fact]
    public void One_weight_more_is_seen_wherever_it_is()
    {
        var shape = new Shape(32, 8, 3, 3);
        var layout = WeightAxes.Of(shape, 1, 0);
        var weights = PatternReference.Pruned(Random(2, shape.Length), shape, 1, 0, 32, 32);
        foreach (var index in Enumerable.Range(0, weights.Length).Where(i => weights[i] == 0))
        {
            weights[index] = 1;
            Assert.Null(SparsityPattern.Of<float>(weights, layout));
            weights[index] = 0;
        }
        // Another pair of four in one channel is 2:4 still.
        var quad = Enumerable.Range(0, 4).Select(i => ((17 * 8 + 4 + i) * 3 + 1) * 3 + 2).ToArray();
        var (zeros, others) = (quad.Where(i => weights[i] == 0).ToArray(), quad.Where(i => weights[i] != 0).ToArray());
        foreach (var i in zeros) weights[i] = 1;
        foreach (var i in others) weights[i] = 0;
        Assert.Equal(SparsityPattern.TwoOfFour, SparsityPattern.Of<float>(weights, layout));
        Assert.Equal("no common pattern of output channels 16 to 31: together they have 4 non-zeros in the four weights from [16, 4, 5]", SparsityPattern.Parse("16:2:4").FirstViolation<float>(weights, layout));
    }

    [Fact]
    public void Dense_weights_and_axes_that_quads_do_not_divide_have_no_pattern()
    {
        Assert.Null(SparsityPattern.Of<float>(Random(1, 64), WeightAxes.Of(new Shape(8, 8), 1, 0)));
        Assert.Null(SparsityPattern.Of<float>(new float[48], WeightAxes.Of(new Shape(8, 6), 1, 0)));
        Assert.Equal("8:2:4", SparsityPattern.Of<float>(new float[64], WeightAxes.Of(new Shape(8, 8), 1, 0))!.ToString());
        Assert.Throws<PithException>(() => SparsityPattern.Of<float>(new float[63], WeightAxes.Of(new Shape(8, 8), 1, 0)));
    }

    [Fact]
    public void Names_are_read_and_written()
    {
        Assert.Equal(["2:4", "4:2:4", "8:2:4", "16:2:4", "32:2:4", "64:2:4"], SparsityPattern.All.Select(pattern => pattern.ToString()));
        Assert.All(SparsityPattern.All, pattern => Assert.Equal(pattern, SparsityPattern.Parse(pattern.ToString())));
        foreach (var wrong in new[] { "", "1:2:4", "12:2:4", "4:2", "16:2:4 ", "2:4:16" })
            Assert.Contains("16:2:4", Assert.Throws<PithException>(() => SparsityPattern.Parse(wrong)).Message);
    }

    [Theory]
    [InlineData(8, 5, 3)]
    [InlineData(9, 1, 3)]
    [InlineData(8, 1, 4)]
    public void Axes_that_do_not_fit_the_weight_are_refused(int outputs, int stride, int perGroup) =>
        Assert.Throws<PithException>(() => new WeightAxes(new ReductionLayout(8, 4, 1), outputs, stride, perGroup));

    private static float[] Random(int seed, int length)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(_ => (float)(random.NextDouble() * 2 - 1))];
    }
}
