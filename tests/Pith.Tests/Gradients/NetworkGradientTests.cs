using Pith.Ops;
using Pith.Training;

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
    [InlineData(3, 2, 1, 1, 1)] // twice the size, as decoders have it
    [InlineData(2, 1, 0, 3, 2)] // output padding beyond the stride, which a wide dilation allows
    [InlineData(3, 3, 1, 1, 2)]
    public void Transposed_convolution_with_output_padding(int kernel, int stride, int pad, int dilation, int outputPadding) => GradientCheck.Check(
        new ConvTranspose { Window = WindowAttributes.Uniform(kernel, stride, pad, dilation), OutputPadding = [outputPadding, outputPadding], Groups = 2 },
        Random(1, 2, 4, 3, 2), Random(2, 4, 3, kernel, kernel), Random(3, 6));

    [Theory]
    [InlineData(AutoPad.NotSet)]
    [InlineData(AutoPad.SameUpper)]
    public void Transposed_convolution_to_a_given_size(AutoPad autoPad)
    {
        // 3 rows with stride 2 and a kernel of 2 cover 6; 5, 8 and 9 need padding of either sign.
        foreach (var rows in new[] { 5, 6, 8, 9 })
            GradientCheck.Check(new ConvTranspose { Window = new() { Strides = [2, 1], AutoPad = autoPad }, OutputSizes = [rows, 4] }, Random(1, 1, 2, 3, 4), Random(2, 2, 2, 2, 2), Random(3, 2));
    }

    [Theory]
    [InlineData(AutoPad.SameUpper)]
    [InlineData(AutoPad.SameLower)]
    public void Transposed_convolution_whose_stride_is_wider_than_its_kernel(AutoPad autoPad) => GradientCheck.Check(
        new ConvTranspose { Window = new() { AutoPad = autoPad, Strides = [3] } }, Random(1, 2, 2, 4), Random(2, 2, 3, 1), Random(3, 3));

    [Fact]
    public void Transposed_convolution_in_three_dimensions_with_a_symbolic_batch() => GradientCheck.Check(
        (graph, x) => [graph.Add(new ConvTranspose { Window = new() { Strides = [1, 2, 2] } }, x[0], graph.AddConstant("w", Random(2, 2, 3, 2, 2, 1)))], [Random(1, 2, 2, 2, 2, 3)], symbolicBatch: true);

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Layer_normalization(int axis)
    {
        var normalized = axis == 1 ? new[] { 3, 4 } : [4];
        GradientCheck.Check(new LayerNormalization { Axis = axis }, Random(1, 2, 3, 4), Random(2, normalized), Random(3, normalized));
    }

    [Fact]
    public void Layer_normalization_whose_scale_and_bias_are_broadcast()
    {
        GradientCheck.Check(new LayerNormalization { Axis = 1 }, Random(1, 2, 3, 4), Random(2, 3, 1), Random(3, 4));
        GradientCheck.Check(new LayerNormalization(), Random(1, 2, 3, 4), Random(2, 1));
    }

    [Fact]
    public void Instance_normalization()
    {
        GradientCheck.Check(new InstanceNormalization(), Random(1, 2, 3, 4, 2), Random(2, 3), Random(3, 3));
        GradientCheck.Check(new InstanceNormalization(), Random(1, 2, 3, 5), Random(2, 3), Random(3, 3));
    }

    [Fact]
    public void Group_normalization_as_exporters_write_it()
    {
        // [N, 4, 3] as two groups of two channels each.
        GradientCheck.Check((graph, x) =>
        {
            var (ones, zeros) = (graph.AddConstant("ones", Tensor.Vector(1f, 1f)), graph.AddConstant("zeros", Tensor.Vector(0f, 0f)));
            var grouped = graph.Add(new Reshape(), x[0], graph.AddConstant("groups", Tensor.Vector(0L, 2L, -1L)));
            var normalized = graph.Add(new Reshape(), graph.Add(new InstanceNormalization(), grouped, ones, zeros), graph.AddConstant("shape", Tensor.Vector(-1L, 4L, 3L)));
            return [graph.Add(new Add(), graph.Add(new Mul(), normalized, x[1]), x[2])];
        }, [Random(1, 2, 4, 3), Random(2, 4, 1), Random(3, 4, 1)]);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Local_response_normalization(int size) => GradientCheck.Check(new Lrn { Size = size, Alpha = 0.5f, Beta = 0.6f, Bias = 1.2f }, Random(1, 2, 5, 2, 2));

    [Theory]
    [InlineData(ResizeMode.Nearest, ResizeCoordinates.Asymmetric, false)]
    [InlineData(ResizeMode.Linear, ResizeCoordinates.HalfPixel, false)]
    [InlineData(ResizeMode.Linear, ResizeCoordinates.AlignCorners, true)]
    [InlineData(ResizeMode.Cubic, ResizeCoordinates.PytorchHalfPixel, true)]
    public void Resizing(ResizeMode mode, ResizeCoordinates coordinates, bool antialias)
    {
        foreach (var scales in new[] { new[] { 1f, 1, 2, 1.5f }, [1f, 1, 0.6f, 3] })
            GradientCheck.Check(
                (graph, x) => [graph.Add(new Resize { Mode = mode, Coordinates = coordinates, Antialias = antialias }, x[0], null, graph.AddConstant("scales", Tensor.Vector(scales)))],
                [Random(1, 2, 1, 5, 4)], symbolicBatch: true);
    }

    [Fact]
    public void Global_max_pooling() => GradientCheck.Check(new GlobalMaxPool(), Distinct(1, 2, 2, 3, 3));

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
    public void Matrix_products_with_vectors_and_broadcast_matrices()
    {
        GradientCheck.Check(new MatMul(), Random(1, 2, 3, 4), Random(2, 4));
        GradientCheck.Check(new MatMul(), Random(1, 3), Random(2, 2, 3, 4));
        GradientCheck.Check(new MatMul(), Random(1, 4), Random(2, 4));
        GradientCheck.Check(new MatMul(), Random(1, 2, 3, 4), Random(2, 4, 5));
        GradientCheck.Check(new MatMul(), Random(1, 3, 4), Random(2, 2, 4, 2));
        GradientCheck.Check(new MatMul(), Random(1, 2, 1, 3, 4), Random(2, 1, 2, 4, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Gemm_with_a_bias_that_is_broadcast_either_way(int columns) => GradientCheck.Check(
        new Gemm { Alpha = 2, Beta = 0.5f }, Random(1, 2, 4), Random(2, 4, 3), Random(3, 2, columns));

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

    [Theory]
    [InlineData(0f)]
    [InlineData(0.1f)]
    public void Cross_entropy_of_soft_targets(float smoothing) => GradientCheck.Check(
        (graph, x) => graph.Add(new SoftmaxCrossEntropy { LabelSmoothing = smoothing }, x[0], graph.AddConstant("targets", Tensor.Create(new Shape(3, 4), new float[] { 0.3f, 0, 0.7f, 0, 0, 1, 0, 0, 0.25f, 0.25f, 0.25f, 0.25f }))), GradientCheck.Random(1, new Shape(3, 4), -2, 2));

    [Theory]
    [InlineData(0f)]
    [InlineData(0.1f)]
    public void Soft_targets_that_name_one_class_give_the_loss_of_its_label(float smoothing)
    {
        var loss = new SoftmaxCrossEntropy { LabelSmoothing = smoothing };
        var logits = GradientCheck.Random(1, new Shape(2, 3), -2, 2);
        Assert.Equal(loss.Evaluate([logits, Tensor.Vector(2, 0)], 1)[0].As<float>().Data, loss.Evaluate([logits, Tensor.Create(new Shape(2, 3), new float[] { 0, 0, 1, 1, 0, 0 })], 1)[0].As<float>().Data);
    }

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

    [Theory]
    [InlineData(DataType.Int8, 0)]
    [InlineData(DataType.UInt8, 0)]
    [InlineData(DataType.UInt8, 100)]
    public void The_gradient_of_a_scale_is_that_of_learned_step_size_quantization(DataType type, int zeroPoint)
    {
        // Two scales along axis 0; values inside the range, at its ends and beyond.
        float[] scales = [0.5f, 0.03f];
        var x = GradientCheck.Random(5, new Shape(2, 400), -5, 5);
        (x.Data[0], x.Data[1], x.Data[2]) = (0, 1e6f, -1e6f);
        var upstream = GradientCheck.Random(6, x.Shape);
        var graph = new Graph();
        var scale = graph.AddInput("scale", TensorType.Float32(2));
        var zero = graph.AddConstant("zero", Tensor.Vector(zeroPoint, zeroPoint).ConvertTo(type));
        var q = graph.Add(new QuantizeLinear { Axis = 0 }, graph.AddConstant("x", x), scale, zero);
        var y = graph.Add(new Mul(), graph.Add(new DequantizeLinear { Axis = 0 }, q, scale, zero), graph.AddConstant("w", upstream));
        graph.AddOutput(Autodiff.Build(graph, graph.Add(new ReduceSum(KeepDims: false), y), [scale])[0]);
        var gradient = GraphInterpreter.Run(graph, [Tensor.Vector(scales)])[0].As<float>().Data;

        // Esser et al. 2020, equation 3, with Q_N and Q_P steps on either side of the zero point.
        var (negative, positive) = type == DataType.Int8 ? (128, 127) : (zeroPoint, 255 - zeroPoint);
        // Pith's symmetric int8 passes |v| <= 127 s: a value that rounds to -128 counts as clipped.
        var inside = type == DataType.Int8 ? -127 : -negative;
        for (var k = 0; k < 2; k++)
        {
            var expected = 0.0;
            for (var i = 0; i < 400; i++)
            {
                double v = x.Data[400 * k + i], ratio = v / scales[k];
                var step = Math.Round(Math.Clamp(ratio, -negative, positive), MidpointRounding.ToEven);
                expected += upstream.Data[400 * k + i] * (ratio >= inside && ratio <= positive ? step - ratio : step);
            }
            Assert.Equal(expected, gradient[k], 1e-3 * (1 + Math.Abs(expected)));
        }
    }

    [Fact]
    public void Where_values_are_clipped_the_gradient_of_a_scale_is_the_derivative() => GradientCheck.Check((graph, inputs) =>
    {
        var zero = graph.AddConstant("zero", Tensor.Scalar<sbyte>(0));
        var q = graph.Add(new QuantizeLinear(), graph.AddConstant("x", Tensor.Vector(30f, -30, 45, -100)), inputs[0], zero);
        return graph.Add(new DequantizeLinear(), q, inputs[0], zero);
    }, Tensor.Scalar(0.1f));

    [Fact]
    public void A_scale_whose_integers_something_else_reads_cannot_be_trained()
    {
        var graph = new Graph();
        var (x, scale) = (graph.AddConstant("x", Tensor.Vector(1f, 2)), graph.AddInput("scale", TensorType.Float32()));
        var (zero, other) = (graph.AddConstant("zero", Tensor.Scalar<sbyte>(0)), graph.AddConstant("other", Tensor.Scalar(2f)));
        var y = graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, scale, zero), other, zero);
        var failure = Assert.Throws<PithException>(() => Autodiff.Build(graph, graph.Add(new ReduceSum(KeepDims: false), y), [scale]));
        Assert.Contains("'scale' cannot be trained", failure.Message, StringComparison.Ordinal);
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
