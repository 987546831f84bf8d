using Pith.Ops;

namespace Pith.Tests.Gradients;

/// <summary>Gradients of convolution, pooling, matrix products, normalization and losses against central differences.</summary>
public class NetworkGradientTests
{
    private static Tensor<float> Random(int seed, params int[] dims) => GradientCheck.Random(seed, new Shape(dims));

    /// <summary>Distinct values, further apart than the step of a difference, so that no window has two candidates for its maximum.</summary>
    private static Tensor<float> Distinct(int seed, params int[] dims)
    {
        var shape = new Shape(dims);
        var values = Enumerable.Range(0, shape.Length).Select(i => 0.1f * i).ToArray();
        new Random(seed).Shuffle(values);
        return Tensor.Create(shape, values);
    }

    [Theory]
    [InlineData(3, 1, 1, 1, 1)]
    [InlineData(3, 2, 1, 1, 2)]
    [InlineData(3, 1, 2, 2, 4)]
    [InlineData(1, 1, 0, 1, 1)]
    [InlineData(2, 3, 1, 1, 2)]
    public void Convolution(int kernel, int stride, int pad, int dilation, int groups) => GradientCheck.Check(
        new Conv { Window = WindowAttributes.Uniform(kernel, stride, pad, dilation), Groups = groups }, Random(1, 2, 4, 5, 6), Random(2, 4, 4 / groups, kernel, kernel), Random(3, 4));

    [Fact]
    public void Convolution_with_automatic_padding_in_one_dimension() =>
        GradientCheck.Check(new Conv { Window = new() { AutoPad = AutoPad.SameUpper, Strides = [2] } }, Random(1, 2, 2, 7), Random(2, 3, 2, 4), Random(3, 3));

    [Fact]
    public void Convolution_in_three_dimensions() => GradientCheck.Check(new Conv(), Random(1, 1, 2, 3, 3, 4), Random(2, 2, 2, 2, 2, 3), Random(3, 2));

    [Fact]
    public void Convolution_with_a_symbolic_batch()
    {
        var (w, b) = (Random(2, 3, 2, 3, 3), Random(3, 3));
        GradientCheck.Check(
            (graph, x) => [graph.Add(new Conv(), x[0], graph.AddConstant("w", w), graph.AddConstant("b", b))], [Random(1, 2, 2, 4, 4)], symbolicBatch: true);
    }

    [Theory]
    [InlineData(3, 1, 1, 1, 1)]
    [InlineData(3, 2, 1, 1, 2)]
    [InlineData(2, 3, 0, 2, 4)]
    public void Transposed_convolution(int kernel, int stride, int pad, int dilation, int groups) => GradientCheck.Check(
        new ConvTranspose { Window = WindowAttributes.Uniform(kernel, stride, pad, dilation), Groups = groups }, Random(1, 2, 4, 3, 4), Random(2, 4, 4 / groups, kernel, kernel), Random(3, 4));

    [Fact]
    public void Transposed_convolution_with_automatic_padding() => GradientCheck.Check(
        new ConvTranspose { Window = new() { AutoPad = AutoPad.SameUpper, Strides = [2, 2] } }, Random(1, 1, 2, 3, 4), Random(2, 2, 2, 3, 3));

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Layer_normalization(int axis)
    {
        var normalized = axis == 1 ? new[] { 3, 4 } : [4];
        GradientCheck.Check(new LayerNormalization { Axis = axis }, Random(1, 2, 3, 4), Random(2, normalized), Random(3, normalized));
    }

    [Fact]
    public void Max_pooling() => GradientCheck.Check(new MaxPool { Window = WindowAttributes.Uniform(3, 2, 1) }, Distinct(1, 2, 2, 5, 6));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Average_pooling(bool countIncludePad) => GradientCheck.Check(
        new AveragePool { Window = WindowAttributes.Uniform(3, 2, 1) with { CeilMode = true }, CountIncludePad = countIncludePad }, Random(1, 2, 2, 5, 6));

    [Fact]
    public void Global_average_pooling() => GradientCheck.Check(new GlobalAveragePool(), Random(1, 2, 3, 4, 5));

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Gemm_in_every_transposition(bool transA, bool transB) => GradientCheck.Check(
        new Gemm { Alpha = 0.5f, Beta = 2, TransA = transA, TransB = transB }, transA ? Random(1, 3, 2) : Random(1, 2, 3), transB ? Random(2, 4, 3) : Random(2, 3, 4), Random(3, 4));

    [Fact]
    public void Matrix_products_with_broadcast_batches() => GradientCheck.Check(new MatMul(), Random(1, 2, 1, 3, 4), Random(2, 3, 4, 2));

    [Fact]
    public void Batch_norm_with_the_statistics_of_the_batch() => GradientCheck.Check(
        (graph, x) => graph.AddNode(new BatchNormTraining(), [.. x]).Output, Random(1, 3, 2, 2, 2), Random(2, 2), Random(3, 2));

    [Fact]
    public void Batch_norm_with_frozen_statistics() => GradientCheck.Check(
        (graph, x) => graph.Add(new BatchNormalization(), x[0], x[1], x[2], graph.AddConstant("mean", Random(4, 2)), graph.AddConstant("variance", GradientCheck.Random(5, new Shape(2), 0.5, 2))),
        Random(1, 3, 2, 2, 2), Random(2, 2), Random(3, 2));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-1)]
    public void Softmax_and_its_logarithm(int axis)
    {
        GradientCheck.Check(new Softmax { Axis = axis }, Random(1, 2, 3, 4));
        GradientCheck.Check(new LogSoftmax { Axis = axis }, Random(1, 2, 3, 4));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.1f)]
    public void Cross_entropy(float smoothing) => GradientCheck.Check(
        (graph, x) => graph.Add(new SoftmaxCrossEntropy { LabelSmoothing = smoothing }, x[0], graph.AddConstant("labels", Tensor.Vector(2, 0, 1))), GradientCheck.Random(1, new Shape(3, 4), -2, 2));

    [Fact]
    public void Distillation() => GradientCheck.Check(
        (graph, x) => graph.Add(new DistillationLoss { Temperature = 3 }, x[0], graph.AddConstant("teacher", GradientCheck.Random(2, new Shape(3, 4), -4, 4))), GradientCheck.Random(1, new Shape(3, 4), -2, 2));

    [Fact]
    public void Quantization_passes_the_gradient_within_its_range_and_stops_it_outside()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(5));
        var (scale, zero) = (graph.AddConstant("scale", Tensor.Scalar(0.1f)), graph.AddConstant("zero", Tensor.Scalar<sbyte>(0)));
        var q = graph.Add(new QuantizeLinear(), x, scale, zero);
        var y = graph.Add(new Mul(), graph.Add(new DequantizeLinear(), q, scale, zero), graph.AddConstant("w", Tensor.Vector(1f, 2, 3, 4, 5)));
        var loss = graph.Add(new ReduceSum(KeepDims: false), y);
        graph.AddOutput(Autodiff.Build(graph, loss, [x])[0]);
        // amax = 12.7: both ends pass, and -12.8, which rounds to -128, does not.
        var gradient = GraphInterpreter.Run(graph, [Tensor.Vector(0f, 12.7f, -12.7f, 12.8f, -12.8f)])[0];
        Assert.Equal([1f, 2, 3, 0, 0], gradient.As<float>().Data);
    }

    [Fact]
    public void The_straight_through_gradient_passes_ops_between_quantize_and_dequantize()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 1, 4));
        var (scale, zero) = (graph.AddConstant("scale", Tensor.Scalar(0.5f)), graph.AddConstant("zero", Tensor.Scalar<sbyte>(0)));
        var pooled = graph.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 2, axes: 1) }, graph.Add(new QuantizeLinear(), x, scale, zero));
        var loss = graph.Add(new ReduceSum(KeepDims: false), graph.Add(new DequantizeLinear(), pooled, scale, zero));
        graph.AddOutput(Autodiff.Build(graph, loss, [x])[0]);
        Assert.Equal([0f, 1, 1, 0], GraphInterpreter.Run(graph, [Tensor.Create(new Shape(1, 1, 4), new float[] { 1, 5, 3, 2 })])[0].As<float>().Data);
    }
}
