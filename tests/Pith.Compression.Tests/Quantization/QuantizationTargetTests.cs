using Pith.Kernels;
using Pith.Ops;
using Pith.Passes;
using Pith.Tactics;

namespace Pith.Compression.Tests;

/// <summary>What each target writes, and that the engine runs all of it in INT8 with the bits of a literal run.</summary>
public class QuantizationTargetTests
{
    private static readonly WindowAttributes s_two = new() { KernelShape = [2, 2], Strides = [2, 2] };

    private static readonly Dictionary<string, Func<Graph>> s_networks = new()
    {
        ["residual"] = TestNetwork.Residual,
        ["depthwise"] = InvertedResidual,
        ["squeeze and excitation"] = SqueezeExcite,
        ["concat"] = Fire,
        ["pools"] = Pools,
        ["matmul"] = Perceptron,
        ["split"] = Shuffle,
        ["leaky"] = Leaky,
    };

    public static TheoryData<string, string> Cases() => [.. TargetCatalog.All.SelectMany(target => s_networks.Keys.Select(network => (target.Name, network)))];

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_engine_runs_every_layer_in_int8_with_the_bits_of_a_literal_run(string target, string network)
    {
        var graph = Exported(s_networks[network](), new() { Target = TargetCatalog.Parse(target), Calibrator = new MaxCalibrator() });
        var dims = graph.Inputs[0].Type.Dims;
        var images = TestNetwork.Images(7, 3, dims[1].Size, dims[2].Size);
        var literal = GraphInterpreter.Run(graph, [images])[0].As<float>().Data;
        Assert.True(literal.Distinct().Count() > 20, "the network says next to nothing");
        // Every 8-bit tensor between two layers; the answer is a float sum, whose last bit may be rounded where 24 bits do not hold it.
        using (var interpreter = new InterpreterTrace(graph))
        using (var reference = EngineTrace.Build(graph, new EngineOptions { MaxBatch = 3, ReferenceOnly = true }))
        {
            var comparison = new TensorComparison(interpreter, reference);
            comparison.Add([images]);
            var integers = comparison.Differences.Where(difference => difference.Type.StartsWith("s8", StringComparison.Ordinal) || difference.Type.StartsWith("u8", StringComparison.Ordinal)).ToArray();
            Assert.True(integers.Length >= 1, $"{target}, {network}: only {integers.Length} tensors were compared");
            Assert.All(integers, difference => Assert.Equal(0, difference.Different));
        }
        var want = Run(Isa.Detected, isReference: true);
        Assert.All(literal.Zip(want), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        foreach (var isa in IsaLevel.All.Select(level => level.Features & Isa.Detected).Distinct()) Assert.True(want.AsSpan().SequenceEqual(Run(isa, isReference: false)), $"{target}, {network}: {isa} differs from plain loops");

        float[] Run(CpuFeatures isa, bool isReference)
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 3, TimeTactics = false, ReferenceOnly = isReference }, new Cpu(isa, 2));
            using var context = engine.CreateContext();
            context.SetInput(engine.Inputs[0].Name, images);
            context.Run(3);
            Assert.All(engine.Layers.Where(layer => layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm), layer => Assert.Equal("int8", layer.Precision));
            if (!isReference) Assert.All(engine.Layers, layer => Assert.False(layer.Tactic.Contains("reference", StringComparison.Ordinal), $"{target}, {network}, {isa}: {layer.Name} runs as plain loops"));
            return context.Output<float>(engine.Outputs[0].Name).ToArray();
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Scales_are_short_and_zero_points_stay_in_range(string target, string network)
    {
        var graph = Exported(s_networks[network](), new() { Target = TargetCatalog.Parse(target) });
        // The scale of a bias is a product of two.
        var pairs = graph.Nodes.Where(node => node.Op is DequantizeLinear && node.Inputs[0]!.Type.DataType != DataType.Int32).ToLookup(node => node.Inputs[0]!.Constant is null, node => node.Inputs[1]!.Constant!.As<float>().Data);
        Assert.All(pairs[true].SelectMany(scales => scales), scale => Assert.True(ShortScale.IsShort(scale), $"{scale:R}"));
        Assert.All(pairs[false].SelectMany(scales => scales), scale => Assert.InRange(ShortWeightScale.OddPart(scale), 1, 255));
    }

    [Fact]
    public void TensorRt_gets_symmetric_int8_and_float_biases()
    {
        var graph = Exported(InvertedResidual(), new());
        Assert.All(graph.Nodes.Where(node => node.Op is QuantizeLinear), node => Assert.Equal(DataType.Int8, node.Output.Type.DataType));
        Assert.All(graph.Nodes.Where(node => node.Op is Conv or Gemm), node => Assert.IsType<Tensor<float>>(node.Inputs[2]!.Constant));
        Assert.IsType<Conv>(graph.Find("add:out")!.Producer!.Inputs[0]!.Producer!.Op);
    }

    [Fact]
    public void OnnxRuntime_gets_a_pair_after_every_operator()
    {
        Assert.Equal(["x", "relu0:out", "relu1a:out", "conv1b:out", "relu1:out", "down2:out", "relu2a:out", "conv2b:out", "relu2:out", "pool:out", "flatten:out"], Activations(TestNetwork.Residual(), "onnxruntime"));
        Assert.Equal(["x", "clip1:out", "clip2:out", "project:out", "add:out", "pool:out", "flatten:out"], Activations(InvertedResidual(), "onnxruntime"));
        Assert.Equal(["x", "conv:out", "sigmoid:out", "swish:out", "mean:out", "squeeze:out", "sigmoid2:out", "swish2:out", "excite:out", "gate:out", "scale:out", "pool:out", "flatten:out"], Activations(SqueezeExcite(), "onnxruntime"));
        Assert.Equal(["x", "left:out", "right:out", "concat:out", "pool:out", "flatten:out"], Activations(Fire(), "onnxruntime"));
        Assert.Equal(["x", "relu:out", "maxpool:out", "average:out", "pool:out", "flatten:out"], Activations(Pools(), "onnxruntime"));
    }

    [Fact]
    public void OnnxRuntime_gets_one_scale_before_and_after_what_only_moves_elements()
    {
        var groups = Find(Pools(), "onnxruntime").Activations.ToDictionary(activation => activation.Value.Name, activation => activation.Group);
        Assert.Equal(groups["relu:out"], groups["maxpool:out"]);
        Assert.NotEqual(groups["maxpool:out"], groups["average:out"]);
        Assert.Equal(groups["pool:out"], groups["flatten:out"]);
    }

    [Fact]
    public void OnnxRuntime_reads_the_pair_everywhere_so_that_the_operator_before_it_fuses()
    {
        var placement = Find(TestNetwork.Residual(), "onnxruntime");
        Assert.All(placement.Activations, activation => Assert.Equal(activation.Value.Uses, activation.Uses));
    }

    [Fact]
    public void OnnxRuntime_gets_a_pair_after_a_convolution_that_the_network_ends_with_and_the_result_keeps_its_name()
    {
        var net = new TestNetwork(3, 8);
        net.Graph.AddOutput(net.Relu("relu", net.Conv("head", net.Input, 4, 3)));
        var graph = Exported(net.Graph, new() { Target = TargetCatalog.Parse("onnxruntime") });
        Assert.Equal("relu:out", graph.Outputs[0].Name);
        Assert.IsType<DequantizeLinear>(graph.Outputs[0].Producer!.Op);
        Assert.IsType<Gemm>(Exported(TestNetwork.Residual(), new() { Target = TargetCatalog.Parse("onnxruntime") }).Outputs[0].Producer!.Op);
    }

    [Fact]
    public void OnnxRuntime_gets_no_pair_on_the_float_path_of_a_transformer()
    {
        var net = new TestNetwork(4, 4);
        var tokens = net.Node("tokens", new Transpose([0, 2, 1]), net.Node("flat", new Reshape(), net.Input, net.Graph.AddConstant("shape", Tensor.Create(new Shape(3), new long[] { 0, 4, 16 }))));
        var weight = net.Graph.AddConstant("w", Tensor.Create(new Shape(4, 4), Samples.Gaussian(3, 16)));
        var product = net.Add("bias", net.Node("product", new MatMul(), tokens, weight), net.Graph.AddConstant("b", Tensor.Create(new Shape(4), Samples.Gaussian(4, 4))));
        net.Graph.AddOutput(net.Node("softmax", new Softmax { Axis = -1 }, net.Add("stream", tokens, product)));
        Assert.DoesNotContain(Activations(net.Graph, "onnxruntime"), name => name is "product:out" or "bias:out" or "stream:out");
    }

    [Fact]
    public void OnnxRuntime_gets_int32_biases_in_the_units_of_the_accumulator()
    {
        foreach (var exact in new[] { false, true })
        {
            var graph = Exported(InvertedResidual(), new() { Target = TargetCatalog.Parse("onnxruntime"), ExactScales = exact });
            var layers = graph.Nodes.Where(node => node.Op is Conv or Gemm).ToArray();
            Assert.Equal(4, layers.Length);
            foreach (var layer in layers)
            {
                var bias = layer.Inputs[2]!.Producer!;
                Assert.IsType<DequantizeLinear>(bias.Op);
                Assert.Equal(DataType.Int32, bias.Inputs[0]!.Type.DataType);
                var input = layer.Inputs[0]!.Producer!.Inputs[1]!.Constant!.As<float>().Data[0];
                Assert.Equal(layer.Inputs[1]!.Producer!.Inputs[1]!.Constant!.As<float>().Data.Select(weight => input * weight), bias.Inputs[1]!.Constant!.As<float>().Data);
            }
        }
    }

    [Fact]
    public void OnnxRuntime_biases_stand_for_the_same_numbers_as_float_ones()
    {
        var integers = Exported(TestNetwork.Residual(), new() { Target = TargetCatalog.Parse("onnxruntime") });
        var floats = Exported(TestNetwork.Residual(), new() { Target = TargetCatalog.Parse("onnxruntime") with { IntegerBiases = false } });
        foreach (var layer in floats.Nodes.Where(node => node.Op is Conv or Gemm))
        {
            var bias = integers.Nodes.Single(node => node.Name == layer.Name).Inputs[2]!.Producer!;
            Assert.Equal(layer.Inputs[2]!.Constant!.As<float>().Data, bias.Op.Evaluate([.. bias.Inputs.Select(input => input?.Constant)], 1)[0].As<float>().Data);
        }
    }

    [Theory]
    [InlineData(6f, false)]
    [InlineData(6f, true)]
    [InlineData(1f, false)]
    [InlineData(0.7f, true)]
    public void OnnxRuntime_gets_ranges_that_a_Clip_or_Relu_before_the_pair_adds_nothing_to(float high, bool exact)
    {
        var options = new QuantizationSettings { Target = TargetCatalog.Parse("onnxruntime"), Calibrator = new MaxCalibrator(), ExactScales = exact };
        var exported = Exported(Network(), options);
        var (scale, zero) = Pair(exported, "clip:out");
        Assert.Equal(0, zero);
        Assert.InRange(scale * 255, high * 0.8f, high);
        Assert.Equal(0, Pair(exported, "relu:out").Zero);
        // Other targets keep the range that was calibrated.
        Assert.True(Pair(Exported(Network(), options with { Target = TargetCatalog.Parse("pith") }), "clip:out").Scale * 256 >= high);

        Graph Network()
        {
            var net = new TestNetwork(3, 8);
            var clip = net.Node("clip", new Clip(), net.Conv("conv", net.Graph.Add(new Mul(), net.Input, net.Scalar(20)), 8, 3), net.Scalar(0), net.Scalar(high));
            return net.Classify(net.Relu("relu", net.Conv("next", clip, 8, 3)));
        }
    }

    [Fact]
    public void A_scale_that_others_share_is_not_narrowed_to_the_bounds_of_a_Clip()
    {
        var net = new TestNetwork(3, 8);
        var clip = net.Node("clip", new Clip(), net.Conv("a", net.Input, 4), net.Scalar(0), net.Scalar(0.25f));
        var wide = net.Relu("wide", net.Conv("b", net.Input, 4));
        var exported = Exported(net.Classify(net.Relu("relu", net.Conv("next", net.Node("concat", new Concat(1), clip, wide), 8))), new() { Target = TargetCatalog.Parse("onnxruntime"), Calibrator = new MaxCalibrator() });
        Assert.True(Pair(exported, "clip:out").Scale * 255 > 0.5f);
        Assert.Equal(Pair(exported, "wide:out"), Pair(exported, "clip:out"));
    }

    [Fact]
    public void OpenVino_gets_unsigned_activations_where_nothing_is_negative_and_pairs_as_NNCF_places_them()
    {
        var graph = Exported(TestNetwork.Residual(), new() { Target = TargetCatalog.Parse("openvino") });
        var types = graph.Nodes.Where(node => node.Op is QuantizeLinear).ToDictionary(node => node.Inputs[0]!.Name, node => node.Output.Type.DataType);
        Assert.Equal(DataType.Int8, types["x"]);
        Assert.Equal(DataType.UInt8, types["relu0:out"]);
        Assert.All(graph.Nodes.Where(node => node.Op is QuantizeLinear), node => Assert.All(QuantizeLinearZeros(node), zero => Assert.Equal(0, zero)));
        // A convolution takes the Add right after it; one with an activation in between does not.
        Assert.DoesNotContain("project:out", Activations(InvertedResidual(), "openvino"));
        var net = new TestNetwork(4, 4);
        var left = net.Relu("left", net.Conv("a", net.Input, 8));
        net.Graph.AddOutput(net.Add("add", left, net.Relu("right", net.Conv("b", net.Input, 8))));
        Assert.Equal(["x", "left:out", "right:out"], Activations(net.Graph, "openvino"));
        Assert.Equal(["x", "swish:out", "mean:out", "swish2:out", "gate:out", "scale:out", "flatten:out"], Activations(SqueezeExcite(), "openvino"));
    }

    [Fact]
    public void Pith_gets_a_pair_before_Sigmoid_and_none_between_it_and_its_product()
    {
        Assert.Equal(["x", "conv:out", "swish:out", "mean:out", "squeeze:out", "swish2:out", "excite:out", "gate:out", "scale:out", "flatten:out"], Activations(SqueezeExcite(), "pith"));
        Assert.Equal(Activations(TestNetwork.Residual(), "tensorrt"), Activations(TestNetwork.Residual(), "pith"));
    }

    [Fact]
    public void A_layer_that_is_kept_in_float_gets_no_pair_of_its_own()
    {
        var options = new QuantizationSettings { Target = TargetCatalog.Parse("onnxruntime"), KeepFloat = ["conv1b", "add1"] };
        var names = QdqPlacement.Find(TestNetwork.Residual(), options).Activations.Select(activation => activation.Value.Name).ToArray();
        Assert.DoesNotContain("conv1b:out", names);
        Assert.Contains("conv2b:out", names);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_reduced_range_keeps_weights_in_7_bits(bool exact)
    {
        foreach (var target in TargetCatalog.All)
            foreach (var perChannel in new[] { true, false })
            {
                var options = new QuantizationSettings { Target = target, ReduceRange = true, ExactScales = exact, PerChannel = perChannel };
                var graph = TestNetwork.Residual();
                TestNetwork.Quantize(graph, options);
                // As training may leave a weight: beyond its frozen scale.
                var first = graph.Find("conv0.weight")!;
                graph.SetConstant(first, Tensor.Create(first.Constant!.Shape, Array.ConvertAll(first.Constant.As<float>().Data, w => 3 * w)));
                FakeQuantization.Finish(graph, options);
                var weights = graph.Nodes.Where(node => node.Op is Conv or Gemm).Select(node => node.Inputs[1]!.Producer!.Inputs[0]!.Constant!.As<sbyte>()).ToArray();
                Assert.All(weights, weight => Assert.All(weight.Data, q => Assert.InRange(q, -63, 63)));
                Assert.All(weights, weight => Assert.Contains(weight.Data, q => Math.Abs(q) > 55));
            }
    }

    [Fact]
    public void A_target_is_found_by_its_name_only()
    {
        foreach (var target in TargetCatalog.All) Assert.Same(target, TargetCatalog.Parse(target.Name));
        Assert.Equal("tensorrt", TargetCatalog.Default.Name);
        Assert.Contains("tensorrt, onnxruntime, openvino, pith", Assert.Throws<PithException>(() => TargetCatalog.Parse("tflite")).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<int> QuantizeLinearZeros(Node node) => node.Inputs[2]!.Constant!.ConvertTo(DataType.Int32).As<int>().Data;

    private static (float Scale, int Zero) Pair(Graph graph, string name)
    {
        var quantize = graph.Find(name)!.Uses.Single(use => use.Node.Op is QuantizeLinear).Node;
        return (quantize.Inputs[1]!.Constant!.As<float>().Data[0], QuantizeLinearZeros(quantize).Single());
    }

    private static QdqPlacement Find(Graph graph, string target) => QdqPlacement.Find(graph, new() { Target = TargetCatalog.Parse(target) });

    private static IEnumerable<string> Activations(Graph graph, string target) => Find(graph, target).Activations.Select(activation => activation.Value.Name);

    /// <summary>Quantized with ranges from random images, written and read back.</summary>
    private static Graph Exported(Graph graph, QuantizationSettings options)
    {
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        TestNetwork.Quantize(graph, options);
        FakeQuantization.Finish(graph, options);
        return OnnxModel.Load(OnnxModel.ToBytes(graph));
    }

    private static Graph InvertedResidual()
    {
        var net = new TestNetwork(8, 8);
        var expanded = net.Node("clip1", new Clip(), net.Conv("expand", net.Input, 24), net.Scalar(0), net.Scalar(1.5f));
        var filtered = net.Node("clip2", new Clip(), net.Conv("depthwise", expanded, 24, 3, groups: 24), net.Scalar(0), net.Scalar(1.5f));
        return net.Classify(net.Add("add", net.Conv("project", filtered, 8), net.Input), 30);
    }

    private static Graph SqueezeExcite()
    {
        var net = new TestNetwork(3, 8);
        var features = Swish("", net.Conv("conv", net.Input, 16, 3));
        var squeezed = Swish("2", net.Conv("squeeze", net.Node("mean", new GlobalAveragePool(), features), 4));
        var gate = net.Node("gate", new Sigmoid(), net.Conv("excite", squeezed, 16));
        return net.Classify(net.Node("scale", new Mul(), features, gate), 30);

        Value Swish(string suffix, Value x) => net.Node($"swish{suffix}", new Mul(), x, net.Node($"sigmoid{suffix}", new Sigmoid(), x));
    }

    private static Graph Fire()
    {
        var net = new TestNetwork(3, 8);
        var left = net.Relu("left", net.Conv("a", net.Input, 8));
        var right = net.Relu("right", net.Conv("b", net.Input, 16, 3));
        return net.Classify(net.Node("concat", new Concat(1), left, right), 30);
    }

    private static Graph Pools()
    {
        var net = new TestNetwork(3, 8);
        var pooled = net.Node("maxpool", new MaxPool { Window = s_two }, net.Relu("relu", net.Conv("conv", net.Input, 16, 3)));
        return net.Classify(net.Node("average", new AveragePool { Window = s_two }, pooled), 30);
    }

    private static Graph Perceptron()
    {
        var net = new TestNetwork(3, 4);
        var weight = net.Graph.AddConstant("w", Tensor.Create(new Shape(48, 24), Samples.Gaussian(3, 48 * 24, 0.15)));
        var hidden = net.Relu("relu", net.Node("hidden", new MatMul(), net.Node("flatten", new Flatten(), net.Input), weight));
        net.Graph.AddOutput(net.Gemm("fc", hidden, 30));
        return net.Graph;
    }

    private static Graph Shuffle()
    {
        var net = new TestNetwork(3, 8);
        var split = net.Graph.AddNode(new Split(1, 2), [net.Relu("stem", net.Conv("conv", net.Input, 16, 3))], "split", ["left:out", "right:out"]);
        var right = net.Relu("relu", net.Conv("branch", split.Outputs[1], 8, 3, groups: 8));
        return net.Classify(net.Relu("relu2", net.Conv("mix", net.Node("concat", new Concat(1), split.Outputs[0], right), 16)), 30);
    }

    private static Graph Leaky()
    {
        var net = new TestNetwork(3, 8);
        var first = net.Node("leaky1", new LeakyRelu(0.1f), net.Conv("a", net.Input, 16, 3));
        return net.Classify(net.Add("add", net.Node("leaky2", new LeakyRelu(0.1f), net.Conv("b", first, 16, 3)), first), 30);
    }
}
