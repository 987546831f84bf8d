using Pith.Ops;

namespace Pith.EngineTests.Forms;

/// <summary>Instance and group normalization in both layouts, alone and with what follows.</summary>
public class NormalizationTests
{
    private const double Tolerance = 2e-5;

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 17, 19)]
    [InlineData(37, 5, 7)]
    [InlineData(64, 1, 5)]
    [InlineData(150, 3, 3)]
    [InlineData(70, 9, 11)]
    [InlineData(200, 2, 3)]
    [InlineData(20, 50, 40)]
    [InlineData(2, 130, 140)]
    public void Instance_normalization(int channels, int height, int width)
    {
        foreach (var isAfterConvolution in new[] { false, true })
            FormCheck.Agrees(() =>
            {
                var f = new FormGraph(channels, height, width);
                var x = isAfterConvolution ? f.Add(new Conv(), f.X, f.Reals(channels, channels, 1, 1)) : f.X;
                // A large mean costs no digits.
                x = f.Add(new Add(), x, f.Graph.AddConstant("mean", Tensor.Scalar(30f)));
                var y = f.Add(new InstanceNormalization(), x, f.Reals(channels), f.Reals(channels));
                return f.Returning(f.Add(new Mul(), y, f.Add(new Sigmoid(), y)));
            }, Tolerance);
    }

    [Theory]
    [InlineData(32, 8, 9, 5)]
    [InlineData(30, 1, 9, 5)]
    [InlineData(72, 12, 7, 7)]
    [InlineData(384, 2, 7, 7)]
    [InlineData(40, 20, 33, 37)]
    [InlineData(6, 3, 100, 90)]
    public void Group_normalization_of_several_nodes_is_one_layer(int channels, int groups, int height, int width)
    {
        foreach (var isAfterConvolution in new[] { false, true })
        {
            Graph Make()
            {
                var f = new FormGraph(channels, height, width);
                var x = isAfterConvolution ? f.Add(new Conv(), f.X, f.Reals(channels, channels, 1, 1)) : f.X;
                var y = f.Add(new InstanceNormalization { Epsilon = 1e-3f }, f.Add(new Reshape(), x, f.Integers(0, groups, -1)), f.Reals(groups), f.Reals(groups));
                y = f.Add(new Reshape(), y, f.Integers(0, channels, height, width));
                y = f.Add(new Add(), f.Add(new Mul(), y, f.Reals(channels, 1, 1)), f.Reals(1, channels, 1, 1));
                return f.Returning(f.Add(new Relu(), y));
            }
            FormCheck.Agrees(Make, Tolerance);
            using var engine = EngineBuilder.Build(Make(), new EngineOptions { MaxBatch = 2, TimeTactics = false });
            Assert.Single(engine.Layers, layer => layer.Tactic == "fp32-group-norm");
            Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "fp32-elementwise");
        }
    }

    [Theory]
    [InlineData(3, 17, 19)]
    [InlineData(32, 20, 21)]
    [InlineData(150, 9, 10)]
    public void Results_have_a_border_for_the_convolution_after_them(int channels, int height, int width) => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(channels, height, width);
        var y = f.Add(new InstanceNormalization(), f.Add(new Conv(), f.X, f.Reals(channels, channels, 1, 1)), f.Reals(channels), f.Reals(channels));
        return f.Returning(f.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, f.Add(new Relu(), y), f.Reals(10, channels, 3, 3)));
    }, 2e-5);

    [Fact]
    public void Equal_elements_are_normalized_to_the_bias() => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(5, 6, 7);
        var same = f.Add(new Add(), f.Add(new Mul(), f.X, f.Graph.AddConstant("zero", Tensor.Scalar(0f))), f.Graph.AddConstant("value", Tensor.Scalar(1234.567f)));
        return f.Returning(f.Add(new InstanceNormalization(), same, f.Reals(5), f.Reals(5)));
    }, Tolerance);
}
