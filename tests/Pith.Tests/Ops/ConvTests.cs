using Pith.Ops;

namespace Pith.Tests.Ops;

public class ConvTests
{
    /// <summary>The definition, one output element at a time, for 2 spatial axes.</summary>
    private static float[] Direct(float[] x, Shape xs, float[] w, Shape ws, float[]? b, int groups, int stride, int dilation, int pad)
    {
        int Out(int size, int kernel) => (size + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
        var (oh, ow) = (Out(xs[2], ws[2]), Out(xs[3], ws[3]));
        var y = new float[xs[0] * ws[0] * oh * ow];
        for (var n = 0; n < xs[0]; n++)
        for (var k = 0; k < ws[0]; k++)
        for (var i = 0; i < oh; i++)
        for (var j = 0; j < ow; j++)
        {
            double sum = b?[k] ?? 0;
            for (var c = 0; c < ws[1]; c++)
            for (var r = 0; r < ws[2]; r++)
            for (var s = 0; s < ws[3]; s++)
            {
                var (h, v) = (i * stride + r * dilation - pad, j * stride + s * dilation - pad);
                if (h < 0 || v < 0 || h >= xs[2] || v >= xs[3]) continue;
                var channel = k / (ws[0] / groups) * ws[1] + c;
                sum += (double)x[((n * xs[1] + channel) * xs[2] + h) * xs[3] + v] * w[((k * ws[1] + c) * ws[2] + r) * ws[3] + s];
            }
            y[((n * ws[0] + k) * oh + i) * ow + j] = (float)sum;
        }
        return y;
    }

    private static Tensor<float> Random(Random random, Shape shape) => Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => random.NextSingle() - 0.5f).ToArray());

    [Theory]
    [InlineData(2, 4, 6, 3, 1, 1, 1, 1)]
    [InlineData(1, 4, 6, 3, 2, 2, 1, 1)]
    [InlineData(1, 4, 4, 3, 4, 1, 2, 2)]
    [InlineData(1, 4, 8, 1, 1, 2, 1, 0)]
    [InlineData(2, 4, 8, 1, 2, 1, 1, 0)]
    [InlineData(1, 2, 4, 5, 1, 3, 1, 2)]
    public void A_convolution_is_the_sum_over_channels_and_window(int n, int c, int k, int kernel, int groups, int stride, int dilation, int pad)
    {
        var random = new Random(7);
        var (x, w, b) = (Random(random, new(n, c, 7, 9)), Random(random, new(k, c / groups, kernel, kernel)), Random(random, new Shape(k)));
        var conv = new Conv { Window = WindowAttributes.Uniform(kernel, stride, pad, dilation), Groups = groups };
        var y = conv.Evaluate([x, w, b], 1)[0];
        Assert.Equal(Direct(x.Data, x.Shape, w.Data, w.Shape, b.Data, groups, stride, dilation, pad), y.As<float>().Data);
    }

    [Theory]
    [InlineData(AutoPad.SameUpper, 1, 2, 3, 4, 5)]
    [InlineData(AutoPad.SameLower, 0, 1, 2, 3, 4)]
    public void Same_padding_puts_the_odd_element_where_its_name_says(AutoPad autoPad, params int[] expected)
    {
        // A window of 2 needs one element of padding; the second tap alone shows where the window starts.
        var x = Tensor.Create(new Shape(1, 1, 5), new float[] { 0, 1, 2, 3, 4 });
        var w = Tensor.Create(new Shape(1, 1, 2), new float[] { 0, 1 });
        var y = new Conv { Window = new() { AutoPad = autoPad } }.Evaluate([x, w], 1)[0];
        Assert.Equal(expected.Select(value => value == 5 ? 0f : value), y.As<float>().Data);
    }

    [Fact]
    public void Channels_that_do_not_match_are_named_in_the_message()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 3, 8, 8));
        var failure = Assert.Throws<PithException>(() => graph.AddNode(new Conv(), [x, graph.AddConstant("w", Tensor.Zeros<float>(new(4, 64, 3, 3)))], "conv1"));
        Assert.Contains("Conv 'conv1'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("64 input channels", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_symbolic_batch_and_size_survive()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, Dim.Named("H"), 8));
        var w = graph.AddConstant("w", Tensor.Zeros<float>(new(4, 3, 3, 3)));
        Assert.Equal("f32[N,4,H,8]", graph.Add(new Conv { Window = WindowAttributes.Uniform(3, pad: 1) }, x, w).Type.ToString());
    }

    [Fact]
    public void Multiply_accumulates_count_each_group_once()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 8, 10, 10));
        var node = graph.AddNode(new Conv { Groups = 8 }, [x, graph.AddConstant("w", Tensor.Zeros<float>(new(8, 1, 3, 3)))]);
        Assert.Equal(8 * 8 * 8 * 9, node.Op.Cost(node));
    }
}
