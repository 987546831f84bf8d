using Pith.Compression.Evaluation;

namespace Pith.Compression.Tests;

/// <summary>The error of outputs relative to expected ones, summed batch by batch.</summary>
public sealed class OutputErrorTests
{
    private static readonly Tensor[] s_first = [Tensor.Create<float>(new Shape(2, 2), [1, 2, 3, 4]), Tensor.Create<float>(new Shape(1, 2), [5, 6])];
    private static readonly Tensor[] s_second = [Tensor.Create<float>(new Shape(2, 1), [1, 1]), Tensor.Create<float>(new Shape(1, 1), [0])];

    [Fact]
    public void Each_output_counts_alike_and_the_error_only_grows()
    {
        var sum = new ExpectedOutputs([s_first, s_second]).Compare();
        Assert.Equal(0, sum.Error);
        sum.Add(0, 0, [1, 2, 3, 5]);
        Assert.Equal(1 / 91.0 / 2, sum.Error, 1e-12);
        sum.Add(1, 0, [1, 3]);
        Assert.Equal((1 / 91.0 + 4 / 2.0) / 2, sum.Error, 1e-12);
        sum.Add(0, 1, [7, 6]);
        Assert.Equal((5 / 91.0 + 4 / 2.0) / 2, sum.Error, 1e-12);
    }

    [Theory, InlineData(float.NaN), InlineData(float.PositiveInfinity)]
    public void What_is_not_finite_is_infinitely_wrong(float value)
    {
        var sum = new ExpectedOutputs([s_first]).Compare();
        sum.Add(0, 1, [value, 6]);
        Assert.Equal(double.PositiveInfinity, sum.Error);
    }

    [Fact]
    public void A_difference_from_nothing_is_infinitely_wrong()
    {
        var sum = new ExpectedOutputs([[Tensor.Create<float>(new Shape(1, 2), [0, 0])]]).Compare();
        sum.Add(0, 0, [0, 0]);
        Assert.Equal(0, sum.Error);
        sum.Add(0, 0, [0, 1]);
        Assert.Equal(double.PositiveInfinity, sum.Error);
    }
}
