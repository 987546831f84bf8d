using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Each float tactic of single ops against the ops' own definitions: odd channels, batches below the largest, 1 and 3 threads.</summary>
public class Fp32TacticTests
{
    private const double SumTolerance = 2e-6;

    private static TensorType Images(int channels, int height, int width) => TensorType.Float32(Dim.Named("N"), channels, height, width);

    private static Value Image(Graph graph, string name, int channels, int height, int width) => graph.AddInput(name, Images(channels, height, width));

    private static Graph Graph(Action<Graph> build)
    {
        var graph = new Graph();
        build(graph);
        return graph;
    }

    public static TheoryData<string, Op> PairOps => new()
    {
        { "Add", new Add() }, { "Sub", new Sub() }, { "Mul", new Mul() }, { "Div", new Div() },
        { "Relu'", new UnaryGradient(new Relu()) }, { "Sigmoid'", new UnaryGradient(new Sigmoid()) }, { "Tanh'", new UnaryGradient(new Tanh()) },
        { "HardSwish'", new UnaryGradient(new HardSwish()) }, { "HardSigmoid'", new UnaryGradient(new HardSigmoid()) }, { "Clip'", new ClipGradient() },
    };

    [Theory]
    [MemberData(nameof(PairOps))]
    public void Functions_of_two_images(string name, Op op)
    {
        Assert.NotEmpty(name);
        var graph = Graph(g => g.AddOutput(g.Add(op, Image(g, "x", 7, 5, 3), Image(g, "y", 7, 5, 3))));
        TacticCheck.Agrees(graph, "fp32-elementwise", SumTolerance, fill: (_, random) => random.NextSingle() + 0.5f);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(7, 1, 1)]
    [InlineData(1, 6, 5)]
    [InlineData(7, 1, 5)]
    [InlineData(1, 6, 1)]
    public void Constants_are_broadcast_along_any_axes(int channels, int height, int width)
    {
        var random = new Random(channels * 100 + height * 10 + width);
        var constant = Tensor.Zeros<float>(new Shape(1, channels, height, width));
        foreach (ref var value in constant.Span) value = random.NextSingle() + 1;
        foreach (var op in new Op[] { new Sub(), new Div() })
        {
            TacticCheck.Agrees(Graph(g => g.AddOutput(g.Add(op, Image(g, "x", 7, 6, 5), g.AddConstant("c", constant)))), "fp32-elementwise", SumTolerance);
            TacticCheck.Agrees(Graph(g => g.AddOutput(g.Add(op, g.AddConstant("c", constant), Image(g, "x", 7, 6, 5)))), "fp32-elementwise", SumTolerance, fill: (_, r) => r.NextSingle() + 1);
        }
    }

    [Fact]
    public void One_pixel_of_each_image_scales_all_its_pixels()
    {
        var graph = Graph(g =>
        {
            var x = Image(g, "x", 19, 6, 5);
            var pool = g.Add(new GlobalAveragePool(), g.Add(new Relu(), x));
            g.AddOutput(g.Add(new Mul(), x, g.Add(new Sigmoid(), pool)));
        });
        TacticCheck.Agrees(graph, "fp32-elementwise", SumTolerance);
    }

    public static TheoryData<string, Op> UnaryOps => new()
    {
        { "Relu", new Relu() }, { "Sigmoid", new Sigmoid() }, { "Tanh", new Tanh() }, { "HardSwish", new HardSwish() },
        { "HardSigmoid", new HardSigmoid() }, { "LeakyRelu", new LeakyRelu(0.1f) }, { "Elu", new Elu(1) }, { "Gelu", new Gelu() },
    };

    [Theory]
    [MemberData(nameof(UnaryOps))]
    public void Functions_of_one_vector(string name, Op op)
    {
        Assert.NotEmpty(name);
        TacticCheck.Agrees(Graph(g => g.AddOutput(g.Add(op, g.AddInput("x", TensorType.Float32(Dim.Named("N"), 37))))), "fp32-elementwise", SumTolerance, fill: (_, random) => random.NextSingle() * 12 - 6);
    }

    [Theory]
    [InlineData(3, 1, 1, 1)]
    [InlineData(3, 2, 1, 1)]
    [InlineData(1, 2, 1, 1)]
    [InlineData(3, 1, 2, 1)]
    [InlineData(3, 2, 1, 6)]
    public void Convolution_gradients(int kernel, int stride, int dilation, int groups)
    {
        var window = WindowAttributes.Uniform(kernel, stride, dilation * (kernel / 2)) with { Dilations = [dilation, dilation] };
        var graph = Graph(g =>
        {
            var x = Image(g, "x", 6, 9, 8);
            var w = g.AddInput("w", TensorType.Float32(groups == 1 ? 7 : 6, 6 / groups, kernel, kernel));
            var y = g.Add(new Conv { Window = window, Groups = groups }, x, w);
            // The gradient of another branch is added to one of the two.
            var dx = g.Add(new ConvInputGradient { Window = window, Groups = groups, InputSizes = [9, 8] }, y, w);
            g.AddOutput(g.Add(new Add(), g.Add(new ConvInputGradient { Window = window, Groups = groups, InputSizes = [9, 8] }, g.Add(new Relu(), y), w), x));
            g.AddOutput(dx);
            g.AddOutput(g.Add(new ConvWeightGradient { Window = window, Groups = groups }, y, x));
        });
        // Of stride 1 the input gradient is a convolution.
        if (stride > 1) TacticCheck.Agrees(graph, "fp32-conv-input-gradient", SumTolerance);
        TacticCheck.Agrees(graph, groups == 1 && Isa.Current.Lack(CpuFeatures.Avx512) is null ? "fp32-avx512-weight-gradient" : "fp32-conv-weight-gradient", SumTolerance);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Batch_norm_takes_residual_and_relu_and_its_gradient_takes_the_gate(bool hasResidual, bool hasRelu)
    {
        var graph = Graph(g =>
        {
            var (x, other, dy) = (Image(g, "x", 19, 6, 5), Image(g, "other", 19, 6, 5), Image(g, "dy", 19, 6, 5));
            var (gamma, beta) = (g.AddInput("gamma", TensorType.Float32(19)), g.AddInput("beta", TensorType.Float32(19)));
            var norm = g.AddNode(new BatchNormTraining(), [x, gamma, beta], "norm");
            var y = norm.Output;
            if (hasResidual) y = g.Add(new Add(), other, y);
            if (hasRelu) y = g.Add(new Relu(), y);
            var incoming = hasRelu ? g.Add(new UnaryGradient(new Relu()), y, dy) : dy;
            var gradient = g.AddNode(new BatchNormGradient(), [incoming, x, gamma, norm.Outputs[1], norm.Outputs[2]], "gradient");
            foreach (var output in new[] { y, norm.Outputs[1], norm.Outputs[2] }.Concat(gradient.Outputs)) g.AddOutput(output);
        });
        TacticCheck.Agrees(graph, "fp32-batch-norm", 5e-6);
        TacticCheck.Agrees(graph, "fp32-batch-norm-gradient", 5e-6);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2 });
        Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "fp32-elementwise");
    }

    [Fact]
    public void Batch_norm_takes_a_clip_and_its_gradient_takes_the_gate_with_both_bounds()
    {
        var graph = Graph(g =>
        {
            var (x, dy) = (Image(g, "x", 19, 6, 5), Image(g, "dy", 19, 6, 5));
            var (gamma, beta) = (g.AddInput("gamma", TensorType.Float32(19)), g.AddInput("beta", TensorType.Float32(19)));
            var (lower, upper) = (g.AddConstant("lower", Tensor.Scalar(-0.1f)), g.AddConstant("upper", Tensor.Scalar(0.2f)));
            var norm = g.AddNode(new BatchNormTraining(), [x, gamma, beta], "norm");
            var y = g.Add(new Clip(), norm.Output, lower, upper);
            var gradient = g.AddNode(new BatchNormGradient(), [g.Add(new ClipGradient(), y, dy, lower, upper), x, gamma, norm.Outputs[1], norm.Outputs[2]], "gradient");
            foreach (var output in gradient.Outputs.Prepend(y)) g.AddOutput(output);
        });
        TacticCheck.Agrees(graph, "fp32-batch-norm", 5e-6);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2 });
        Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "fp32-elementwise");
    }

    [Theory]
    [InlineData(2, 2, 0)]
    [InlineData(3, 2, 1)]
    [InlineData(3, 1, 1)]
    public void Pools_and_their_gradients(int kernel, int stride, int pad)
    {
        var window = WindowAttributes.Uniform(kernel, stride, pad);
        foreach (var countsPadding in new[] { false, true })
        {
            var graph = Graph(g =>
            {
                var x = Image(g, "x", 19, 9, 8);
                var max = g.Add(new MaxPool { Window = window }, x);
                var average = g.Add(new AveragePool { Window = window, CountIncludePad = countsPadding }, x);
                g.AddOutput(g.Add(new MaxPoolGradient { Window = window }, average, x));
                g.AddOutput(g.Add(new AveragePoolGradient { Window = window, CountIncludePad = countsPadding, InputSizes = [9, 8] }, max));
                g.AddOutput(max);
            });
            TacticCheck.Agrees(graph, "fp32-pool", SumTolerance);
            TacticCheck.Agrees(graph, "fp32-pool-gradient", SumTolerance);
        }
    }

    [Fact]
    public void The_average_of_an_image_and_its_gradient()
    {
        var graph = Graph(g => g.AddOutput(g.Add(new GlobalAveragePoolGradient { InputSizes = [7, 3] }, g.Add(new GlobalAveragePool(), Image(g, "x", 67, 7, 3)))));
        TacticCheck.Agrees(graph, "fp32-global-average", SumTolerance);
        TacticCheck.Agrees(graph, "fp32-global-average-gradient", SumTolerance);
    }

    [Fact]
    public void Gradients_of_biases()
    {
        var graph = Graph(g =>
        {
            g.AddOutput(g.Add(new ReduceSum([0, 2, 3], KeepDims: false), Image(g, "x", 19, 7, 3)));
            g.AddOutput(g.Add(new ReduceSum([0], KeepDims: false), g.AddInput("rows", TensorType.Float32(Dim.Named("N"), 19))));
        });
        TacticCheck.Agrees(graph, "fp32-channel-sum", SumTolerance);
    }

    public static TheoryData<int[], bool> NeighbouringAxes => new()
    {
        { [1], true }, { [-1], false }, { [-1, -2], true }, { [2, 1], false }, { [1, 2, 3], true }, { [0], false }, { [0, 1], false }, { [], true },
    };

    [Theory]
    [MemberData(nameof(NeighbouringAxes))]
    public void Sums_and_means_along_neighbouring_axes(int[] axes, bool keepsAxes)
    {
        var graph = Graph(g =>
        {
            var x = g.AddInput("x", TensorType.Float32(Dim.Named("N"), 67, 5, 37));
            g.AddOutput(g.Add(new ReduceSum(axes.ToValueList(), keepsAxes), x));
            g.AddOutput(g.Add(new ReduceMean(axes.ToValueList(), keepsAxes), x));
        });
        TacticCheck.Agrees(graph, "fp32-axis-sum", SumTolerance, fill: (_, random) => random.NextSingle() * 2 - 0.5f);
    }

    [Fact]
    public void Sums_along_axes_that_are_apart_are_left_to_the_reference()
    {
        var graph = Graph(g => g.AddOutput(g.Add(new ReduceSum([0, 2]), g.AddInput("x", TensorType.Float32(3, 4, 5)))));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        Assert.Equal("reference", Assert.Single(engine.Layers).Tactic);
    }

    [Theory]
    [InlineData(3, 5)]
    [InlineData(33, 18)]
    [InlineData(130, 140)]
    public void Layouts_are_exchanged_and_restored(int channels, int size)
    {
        var graph = Graph(g => g.AddOutput(g.Add(new MaxPool { Window = WindowAttributes.Uniform(1, 1) }, Image(g, "x", channels, size, size))));
        TacticCheck.Agrees(graph, "reorder-32bit", 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Products_with_a_transposed_left_hand_side(bool transposedRight)
    {
        var batch = Dim.Named("N");
        var graph = Graph(g =>
        {
            var a = g.AddInput("a", TensorType.Float32(batch, 7));
            var b = g.Add(new Relu(), g.AddInput("b", TensorType.Float32(batch, 19)));
            g.AddOutput(g.Add(new Gemm { TransA = true, TransB = transposedRight }, a, transposedRight ? g.Add(new Transpose([1, 0]), b) : b));
        });
        TacticCheck.Agrees(graph, "fp32-transposed-gemm", SumTolerance, device: TestDevice.At(IsaLevel.Avx2));
    }

    [Theory]
    [InlineData(3, 196, 64, 196)]
    [InlineData(1, 7, 19, 33)]
    [InlineData(5, 1, 40, 1)]
    public void Products_of_computed_matrices(int heads, int rows, int depth, int columns)
    {
        var batch = Dim.Named("N");
        var graph = Graph(g => g.AddOutput(g.Add(new MatMul(), g.AddInput("a", TensorType.Float32(batch, heads, rows, depth)), g.AddInput("b", TensorType.Float32(batch, heads, depth, columns)))));
        TacticCheck.Agrees(graph, "fp32-batched-gemm", SumTolerance);
    }

    [Fact]
    public void Products_of_as_many_matrices_as_there_are_images_take_a_constant_side_too()
    {
        var matrices = Tensor.Create(new Shape(3, 9, 21), Enumerable.Range(0, 3 * 9 * 21).Select(i => (i % 17 - 8) / 8f).ToArray());
        var graph = Graph(g => g.AddOutput(g.Add(new MatMul(), g.AddInput("a", TensorType.Float32(3, 5, 9)), g.AddConstant("b", matrices))));
        TacticCheck.Agrees(graph, "fp32-batched-gemm", SumTolerance);
    }

    [Fact]
    public void Products_that_broadcast_matrices_are_left_to_the_reference()
    {
        var graph = Graph(g => g.AddOutput(g.Add(new MatMul(), g.AddInput("a", TensorType.Float32(2, 3, 5, 4)), g.AddInput("b", TensorType.Float32(2, 1, 4, 6)))));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        Assert.Equal("reference", Assert.Single(engine.Layers).Tactic);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.1f)]
    public void Losses_and_their_gradients(float smoothing)
    {
        var batch = Dim.Named("N");
        var graph = Graph(g =>
        {
            var (logits, teacher) = (g.AddInput("logits", TensorType.Float32(batch, 5)), g.AddInput("teacher", TensorType.Float32(batch, 5)));
            var labels = g.AddInput("labels", new TensorType(DataType.Int32, [batch]));
            var scale = g.AddInput("scale", TensorType.Float32());
            g.AddOutput(g.Add(new SoftmaxCrossEntropy { LabelSmoothing = smoothing }, logits, labels));
            g.AddOutput(g.Add(new SoftmaxCrossEntropyGradient { LabelSmoothing = smoothing }, scale, logits, labels));
            // The teacher's logits serve as soft targets, too: the sums hold for any numbers.
            g.AddOutput(g.Add(new SoftmaxCrossEntropy { LabelSmoothing = smoothing }, logits, teacher));
            g.AddOutput(g.Add(new SoftmaxCrossEntropyGradient { LabelSmoothing = smoothing }, scale, logits, teacher));
            g.AddOutput(g.Add(new DistillationLoss { Temperature = 4 }, logits, teacher));
            g.AddOutput(g.Add(new DistillationLossGradient { Temperature = 4 }, scale, logits, teacher));
        });
        TacticCheck.Agrees(graph, "class-losses", SumTolerance);
    }

    [Theory]
    [InlineData(1, DataType.Int8, 0)]
    [InlineData(1, DataType.UInt8, 117)]
    [InlineData(7, DataType.Int8, 0)]
    public void Fake_quantization_of_images_and_weights_and_its_gradient_give_the_bits_of_the_reference(int scales, DataType type, int zeroPoint)
    {
        Graph Made(bool learned) => Graph(g =>
        {
            var shape = scales == 1 ? Images(6, 5, 3) : TensorType.Float32(7, 3, 3, 3);
            var (x, dy) = (g.AddInput("x", shape), g.AddInput("dy", shape));
            var random = new Random(3);
            var scale = scales == 1 ? Tensor.Scalar(0.004f) : Tensor.Create(new Shape(7), Enumerable.Range(0, 7).Select(_ => 0.002f + random.NextSingle() * 0.01f).ToArray());
            var (step, zero) = (g.AddConstant("scale", scale), g.AddConstant("zero", Tensor.Create(scale.Shape, Enumerable.Repeat(zeroPoint, scales).ToArray()).ConvertTo(type)));
            // Channels-last on the way in and out.
            if (scales == 1) x = g.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, x);
            var y = g.Add(new DequantizeLinear { Axis = 0 }, g.Add(new QuantizeLinear { Axis = 0 }, x, step, zero), step, zero);
            g.AddOutput(scales == 1 ? g.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 1) }, y) : y);
            g.AddOutput(learned ? g.Add(new LearnedScaleGradient { Axis = 0, Type = type }, dy, x, step, zero) : g.Add(new FakeQuantizeGradient { Axis = 0, Type = type }, dy, x, step, zero));
        });
        var graph = Made(learned: false);
        TacticCheck.Agrees(graph, "fp32-fake-quantize", 0, literal: true);
        TacticCheck.Agrees(graph, "fp32-fake-quantize-gradient", 0, literal: true);
        TacticCheck.Agrees(Made(learned: true), "fp32-learned-scale-gradient", SumTolerance, literal: true);
    }

    [Fact]
    public void Softmax_of_rows_and_its_gradient()
    {
        var graph = Graph(g =>
        {
            var (x, dy) = (g.AddInput("x", TensorType.Float32(Dim.Named("N"), 37)), g.AddInput("dy", TensorType.Float32(Dim.Named("N"), 37)));
            var (y, logarithm) = (g.Add(new Softmax { Axis = 1 }, x), g.Add(new LogSoftmax(), x));
            g.AddOutput(g.Add(new SoftmaxGradient { Axis = 1 }, dy, y));
            g.AddOutput(g.Add(new SoftmaxGradient { OfLogarithm = true }, dy, logarithm));
        });
        TacticCheck.Agrees(graph, "fp32-softmax", SumTolerance);
    }

    [Theory]
    [InlineData(1, 1, true)]
    [InlineData(3, 37, true)]
    [InlineData(5, 64, false)]
    [InlineData(300, 100, true)]
    public void Layer_normalization_of_rows(int rows, int columns, bool hasBias)
    {
        var graph = Graph(g =>
        {
            var x = g.AddInput("x", TensorType.Float32(Dim.Named("N"), rows, columns));
            var (scale, bias) = (g.AddInput("scale", TensorType.Float32(columns)), g.AddInput("bias", TensorType.Float32(columns)));
            g.AddOutput(hasBias ? g.Add(new LayerNormalization(), x, scale, bias) : g.Add(new LayerNormalization(), x, scale));
        });
        TacticCheck.Agrees(graph, "fp32-layer-norm", SumTolerance);
    }

    [Fact]
    public void Layer_normalization_of_several_axes()
    {
        var graph = Graph(g =>
        {
            var x = g.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 7, 5));
            g.AddOutput(g.Add(new LayerNormalization { Axis = 2 }, x, g.AddInput("scale", TensorType.Float32(7, 5))));
        });
        TacticCheck.Agrees(graph, "fp32-layer-norm", SumTolerance);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 37)]
    [InlineData(5, 64)]
    [InlineData(300, 100)]
    public void Gradient_of_layer_normalization(int rows, int columns)
    {
        var graph = Graph(g =>
        {
            var type = TensorType.Float32(Dim.Named("N"), rows, columns);
            var (dy, x, scale) = (g.AddInput("dy", type), g.AddInput("x", type), g.AddInput("scale", TensorType.Float32(columns)));
            foreach (var output in g.AddNode(new LayerNormalizationGradient(), [dy, x, scale], "gradient", ["dx", "dscale", "dbias"]).Outputs) g.AddOutput(output);
        });
        TacticCheck.Agrees(graph, "fp32-layer-norm-gradient", 10 * SumTolerance);
    }

    [Theory]
    [InlineData(0, 9)]
    [InlineData(1, 1)]
    [InlineData(-1, 4)]
    public void Rows_picked_by_computed_indices(int axis, int indices)
    {
        var graph = Graph(g =>
        {
            var table = Tensor.Create(new Shape(3, 3, 3), Enumerable.Range(0, 27).Select(i => (float)i).ToArray());
            g.AddOutput(g.Add(new Gather(axis), g.AddConstant("table", table), g.AddInput("indices", new TensorType(DataType.Int32, [Dim.Named("N"), indices]))));
        });
        TacticCheck.Agrees(graph, "row-gather", 0);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(2, -1)]
    [InlineData(0, 2)]
    public void One_part_of_a_tensor_is_picked(int axis, long index)
    {
        var graph = Graph(g => g.AddOutput(g.Add(new Gather(axis), g.Add(new Neg(), g.AddInput("x", axis == 0 ? TensorType.Float32(3, 5, 4) : TensorType.Float32(Dim.Named("N"), 5, 3, 4))), g.AddConstant("index", Tensor.Scalar(index)))));
        TacticCheck.Agrees(graph, "row-gather", 0);
    }

    [Fact]
    public void An_index_outside_of_the_table_is_named()
    {
        var graph = Graph(g => g.AddOutput(g.Add(new Gather(0), g.AddConstant("table", Tensor.Zeros<float>(new Shape(7, 2))), g.AddInput("indices", new TensorType(DataType.Int64, [Dim.Named("N")])))));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        using var context = engine.CreateContext();
        foreach (var index in new long[] { 7, -8, long.MaxValue, long.MinValue })
        {
            context.Input<long>("indices")[0] = index;
            Assert.Contains($"{index}", Assert.Throws<PithException>(() => context.Run(1)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Layer_normalization_whose_scale_is_not_of_the_row_is_left_to_the_reference()
    {
        // As many elements as a row has, but along another axis.
        var graph = Graph(g => g.AddOutput(g.Add(new LayerNormalization(), g.AddInput("x", TensorType.Float32(2, 5, 5)), g.AddInput("scale", TensorType.Float32(5, 1)))));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        Assert.Equal("reference", Assert.Single(engine.Layers).Tactic);
    }

    [Fact]
    public void Batch_norm_that_could_not_be_folded_takes_the_relu()
    {
        var random = new Random(5);
        var graph = Graph(g =>
        {
            Value Vector(string name) => g.AddConstant(name, Tensor.Create(new Shape(19), Enumerable.Range(0, 19).Select(_ => 0.5f + random.NextSingle()).ToArray()));
            var x = g.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 1) }, Image(g, "x", 19, 6, 5));
            var norm = g.Add(new BatchNormalization(), x, Vector("gamma"), Vector("beta"), Vector("mean"), Vector("variance"));
            g.AddOutput(g.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 1) }, g.Add(new Relu(), norm)));
        });
        TacticCheck.Agrees(graph, "fp32-batch-norm", SumTolerance);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Images_are_joined_along_any_axis(int axis)
    {
        var graph = Graph(g =>
        {
            var (x, y) = (Image(g, "x", 7, 6, 5), Image(g, "y", axis == 1 ? 3 : 7, axis == 2 ? 3 : 6, axis == 3 ? 3 : 5));
            var pooled = g.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, x);
            g.AddOutput(g.Add(new Concat(axis), pooled, y, x));
        });
        TacticCheck.Agrees(graph, "block-concat", 0);
    }
}
