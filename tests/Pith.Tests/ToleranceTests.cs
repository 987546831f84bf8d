namespace Pith.Tests;

/// <summary>What counts as equal, and what is said of what does not.</summary>
public class ToleranceTests
{
    private static readonly Tolerance s_default = new();

    [Fact]
    public void Floats_may_be_off_by_the_absolute_and_the_relative_part()
    {
        Assert.Null(s_default.Compare(Tensor.Vector(0f, 1000f), Tensor.Vector(0.9e-5f, 1000.9f)));
        var mismatch = s_default.Compare(Tensor.Vector(0f, 1000f), Tensor.Vector(1.1e-5f, 1002f))!;
        Assert.Equal((2, 2), (mismatch.Elements, mismatch.Different));
        Assert.Equal([0], mismatch.First);
        Assert.Equal([1], mismatch.Worst);
        Assert.Equal(("1000", "1002", 2), (mismatch.Expected, mismatch.Got, mismatch.MaxAbsoluteError));
    }

    [Fact]
    public void Nan_equals_nan_and_an_infinity_only_itself()
    {
        Assert.Null(s_default.Compare(Tensor.Vector(float.NaN, float.PositiveInfinity), Tensor.Vector(-float.NaN, float.PositiveInfinity)));
        foreach (var (wanted, got) in ((float, float)[])[(float.NaN, 1), (1, float.NaN), (float.PositiveInfinity, float.MaxValue), (float.PositiveInfinity, float.NegativeInfinity), (1, float.PositiveInfinity)])
            Assert.Equal(double.PositiveInfinity, s_default.Compare(Tensor.Vector(wanted), Tensor.Vector(got))!.MaxAbsoluteError);
    }

    [Fact]
    public void Integers_must_be_equal_even_where_doubles_are()
    {
        var mismatch = s_default.Compare(Tensor.Vector(1L << 60), Tensor.Vector((1L << 60) + 1))!;
        Assert.Equal(("1152921504606846976", "1152921504606846977"), (mismatch.Expected, mismatch.Got));
        Assert.NotNull(s_default.Compare(Tensor.Vector<byte>(255), Tensor.Vector<byte>(254)));
        Assert.NotNull(s_default.Compare(Tensor.Vector(true), Tensor.Vector(false)));
    }

    [Fact]
    public void Another_type_or_shape_is_a_mismatch_of_everything()
    {
        Assert.Equal("expected f32[2], got f64[2]", s_default.Compare(Tensor.Vector(1f, 2f), Tensor.Vector(1d, 2d))!.ToString());
        Assert.Equal("expected f32[2], got f32[1,2]", s_default.Compare(Tensor.Vector(1f, 2f), Tensor.Vector(1f, 2f).Reshape(new Shape(1, 2)))!.ToString());
    }

    [Fact]
    public void An_index_has_one_number_per_dimension()
    {
        var (wanted, got) = (Tensor.Zeros<int>(new Shape(2, 3, 4)), Tensor.Zeros<int>(new Shape(2, 3, 4)));
        got.Data[1 * 12 + 2 * 4 + 3] = 5;
        Assert.Equal("1 of 24 elements differ, first at [1,2,3], most at [1,2,3]: expected 0, got 5; largest error 5e0", s_default.Compare(wanted, got)!.ToString());
    }
}
