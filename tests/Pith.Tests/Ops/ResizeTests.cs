using Pith.Ops;

namespace Pith.Tests.Ops;

public class ResizeTests
{
    private static float[] Run(Resize resize, float[] x, float scale) =>
        resize.Evaluate([Tensor.Create(new Shape(1, x.Length), x), null, Tensor.Vector(1f, scale)], 1)[0].As<float>().Data;

    [Fact]
    public void Linear_interpolation_repeats_the_edges() => Assert.Equal([1f, 1.5f, 2.5f, 3], Run(new Resize { Mode = ResizeMode.Linear }, [1, 3], 2));

    [Theory]
    [InlineData(ResizeRounding.Floor, 1, 1, 2, 2)]
    [InlineData(ResizeRounding.Ceil, 1, 2, 2, 2)]
    public void Nearest_rounds_as_told(ResizeRounding rounding, params int[] expected) => Assert.Equal(
        expected.Select(value => (float)value), Run(new Resize { Coordinates = ResizeCoordinates.Asymmetric, Rounding = rounding }, [1, 2], 2));

    [Theory]
    [InlineData(ResizeMode.Linear)]
    [InlineData(ResizeMode.Cubic)]
    public void Antialiasing_keeps_the_mean_of_a_stripe_pattern(ResizeMode mode)
    {
        var stripes = Enumerable.Range(0, 64).Select(i => (float)(i % 2)).ToArray();
        var small = Run(new Resize { Mode = mode, Antialias = true }, stripes, 0.25f);
        Assert.All(small[2..^2], value => Assert.Equal(0.5f, value, 0.02f));
    }

    [Fact]
    public void A_symbolic_batch_survives_sizes_from_shape_arithmetic()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 4, 4));
        var leading = graph.Add(new ShapeOf(0, 2), x);
        var sizes = graph.Add(new Concat(0), leading, graph.AddConstant("hw", Tensor.Vector(8L, 6L)));
        Assert.Equal("f32[N,3,8,6]", graph.Add(new Resize(), x, null, null, sizes).Type.ToString());
    }

    [Fact]
    public void Scales_and_sizes_together_are_refused()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 4));
        Assert.Throws<PithException>(() => graph.Add(new Resize(), x, null, graph.AddConstant("scales", Tensor.Vector(1f, 2)), graph.AddConstant("sizes", Tensor.Vector(1L, 8))));
        Assert.Throws<PithException>(() => graph.Add(new Resize(), x));
    }
}
