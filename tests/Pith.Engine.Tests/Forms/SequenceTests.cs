using Pith.EngineTests.Int8;
using Pith.Ops;

namespace Pith.EngineTests.Forms;

/// <summary>Networks on sequences [N, C, L]: convolutions, pools and what is between them run on the kernels of images.</summary>
public class SequenceTests
{
    private const double Tolerance = 1e-5;

    private static WindowAttributes Window(int kernel, int stride, int dilation, int before, int after) =>
        new() { KernelShape = [kernel], Strides = [stride], Dilations = [dilation], Pads = [before, after] };

    [Theory]
    [InlineData(3, 1, 1, 1, 1, 1)]
    [InlineData(2, 1, 4, 4, 0, 1)] // causal, as in WaveNet
    [InlineData(5, 2, 1, 1, 2, 1)]
    [InlineData(9, 1, 1, 4, 4, 4)]
    [InlineData(7, 1, 2, 6, 6, 20)] // depthwise
    [InlineData(1, 1, 1, 0, 0, 1)]
    public void Convolutions_of_one_dimension_take_bias_residual_and_activation(int kernel, int stride, int dilation, int before, int after, int groups)
    {
        foreach (var length in new[] { 8, 37 })
            FormCheck.Agrees(() =>
            {
                var f = new FormGraph(20, length);
                Value Conv(Value x) => f.Add(new Conv { Window = Window(kernel, stride, dilation, before, after), Groups = groups }, x, f.Reals(20, 20 / groups, kernel), f.Reals(20));
                var y = f.Add(new Relu(), Conv(f.X));
                var z = Conv(y);
                if (stride == 1 && before + after == (kernel - 1) * dilation) z = f.Add(new Add(), z, y);
                return f.Returning(f.Add(new Mul(), z, f.Add(new Sigmoid(), z)));
            }, Tolerance);
    }

    [Fact]
    public void Pools_batch_norm_and_constants_stay_between_convolutions() => FormCheck.Agrees(() =>
    {
        var f = new FormGraph(5, 41);
        var y = f.Add(new Conv { Window = Window(5, 1, 1, 2, 2) }, f.X, f.Reals(17, 5, 5));
        y = f.Add(new MaxPool { Window = Window(3, 2, 1, 1, 1) }, f.Add(new Relu(), y));
        y = f.Add(new BatchNormalization(), y, f.Reals(17), f.Reals(17), f.Reals(17), f.Graph.AddConstant("v", Tensor.Create(new Shape(17), Enumerable.Repeat(0.5f, 17).ToArray())));
        y = f.Add(new Add(), f.Add(new Mul(), y, f.Reals(1, 17, 1)), f.Reals(17, 1));
        y = f.Add(new AveragePool { Window = Window(2, 2, 1, 0, 0) }, f.Add(new PRelu(), y, f.Reals(17, 1)));
        y = f.Add(new Concat(1), y, f.Add(new Tanh(), y));
        y = f.Add(new Conv { Window = Window(3, 1, 1, 1, 1) }, y, f.Reals(9, 34, 3));
        return f.Returning(f.Add(new Flatten(), f.Add(new GlobalAveragePool(), y)));
    }, Tolerance);

    [Fact]
    public void A_value_on_the_way_can_be_observed_and_returned()
    {
        var f = new FormGraph(6, 19);
        var middle = f.Add(new Relu(), f.Add(new Conv { Window = Window(3, 1, 1, 1, 1) }, f.X, f.Reals(6, 6, 3)));
        f.Graph.Rename(middle, "middle");
        f.Graph.AddOutput(f.Add(new Conv { Window = Window(3, 1, 1, 1, 1) }, middle, f.Reals(4, 6, 3)));
        using var engine = EngineBuilder.Build(f.Graph, new EngineOptions { MaxBatch = 2, TimeTactics = false, Observed = ["middle"] });
        Assert.Contains(engine.Layers, layer => layer.Spec.Kind == LayerKind.Conv);
        f.Graph.AddOutput(middle);
        FormCheck.Agrees(() => f.Graph, Tolerance);
    }

    [Theory]
    [InlineData(9, 1, 1, 1)]
    [InlineData(5, 2, 1, 4)]
    [InlineData(3, 1, 3, 24)]
    public void Quantized_convolutions_of_one_dimension_run_in_int8(int kernel, int stride, int dilation, int groups)
    {
        foreach (var isUnsigned in new[] { false, true })
            FormCheck.AgreesInt8(() =>
            {
                var builder = new QdqGraphBuilder(3, isUnsigned);
                Value Conv(Value x)
                {
                    var (w, _) = builder.Weights(new Shape(24, 24 / groups, kernel), 0);
                    return builder.Graph.Add(new Conv { Window = Window(kernel, stride, dilation, kernel / 2 * dilation, kernel / 2 * dilation), Groups = groups }, x, w);
                }
                var y = builder.Quantized(builder.Graph.Add(new Relu(), Conv(builder.Quantized(builder.Input(24, 31)))));
                builder.Graph.AddOutput(builder.Quantized(builder.Graph.Add(new MaxPool { Window = Window(2, 2, 1, 0, 0) }, Conv(y))));
                return builder.Graph;
            });
    }
}
