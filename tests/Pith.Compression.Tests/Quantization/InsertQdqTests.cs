using Pith.Ops;

namespace Pith.Compression.Tests;

public class InsertQdqTests
{
    [Fact]
    public void A_quantized_network_stays_close_to_the_float_one()
    {
        foreach (var type in Enum.GetValues<ActivationForm>())
        {
            var (graph, quantized) = (TestNetwork.Residual(), TestNetwork.Residual());
            TestNetwork.Quantize(quantized, new() { Activations = type, Calibrator = new MaxCalibrator() });
            GraphVerifier.Verify(quantized);
            Assert.InRange(Snr(graph, quantized), 25, 60);
        }
    }

    [Fact]
    public void Every_value_gets_one_pair_however_many_layers_read_it()
    {
        var graph = TestNetwork.Residual();
        var placement = QdqPlacement.Find(graph, new());
        TestNetwork.Quantize(graph);
        var pairs = graph.Nodes.Where(node => node.Op is QuantizeLinear).ToArray();
        Assert.Equal(placement.Activations.Count + placement.Weights.Count, pairs.Length);
        Assert.All(pairs, quantize => Assert.IsType<DequantizeLinear>(quantize.Output.SingleConsumer!.Op));
        Assert.Equal(["add1", "conv1a"], graph.Find("relu0:out/dequantized")!.Uses.Select(use => use.Node.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_quantized_operand_is_reported_with_its_scale()
    {
        var graph = TestNetwork.Residual();
        var layers = TestNetwork.Quantize(graph, new() { KeepFloat = ["fc"], Calibrator = new MaxCalibrator() });
        var conv = layers.Single(layer => layer.Name == "conv1a");
        Assert.Equal(["relu0:out", "conv1a.weight"], conv.Operands.Select(operand => operand.Tensor));
        Assert.Equal(16, conv.Operands[1].Parameters.Scales.Count);
        Assert.Equal(new Granularity.PerAxis(0), conv.Operands[1].Parameters.Granularity);
        Assert.Equal("float by name", layers.Single(layer => layer.Name == "fc").SkipReason);
        Assert.Empty(layers.Single(layer => layer.Name == "fc").Operands);
    }

    [Fact]
    public void Tensors_of_one_group_get_one_scale_that_covers_them_all()
    {
        var net = new TestNetwork(4, 4);
        var concat = net.Node("concat", new Concat(1), net.Conv("a", net.Input, 4), net.Conv("b", net.Input, 8, 3));
        net.Graph.AddOutput(net.Conv("c", concat, 4));
        var layers = TestNetwork.Quantize(net.Graph);
        var operands = layers.Single(layer => layer.Name == "concat").Operands;
        Assert.Equal(2, operands.Count);
        Assert.Equal(operands[0].Parameters, operands[1].Parameters);
        Assert.Equal(operands[0].Parameters, layers.Single(layer => layer.Name == "c").Operands[0].Parameters);
    }

    [Fact]
    public void Weights_can_share_one_scale_per_tensor()
    {
        var layers = TestNetwork.Quantize(TestNetwork.Residual(), new() { PerChannel = false, Calibrator = new MaxCalibrator() });
        Assert.All(layers.SelectMany(layer => layer.Operands), operand => Assert.Single(operand.Parameters.Scales));
    }

    [Fact]
    public void Finishing_leaves_int8_weights_and_changes_biases_by_half_a_unit_at_most()
    {
        var graph = TestNetwork.Residual();
        TestNetwork.Quantize(graph);
        var images = TestNetwork.Images(7, 2, 3, 8);
        var before = GraphInterpreter.Run(graph, [images])[0].As<float>().Data;
        FakeQuantization.Finish(graph, new());
        Assert.True(Decibels(before, GraphInterpreter.Run(graph, [images])[0].As<float>().Data) > 30);
        Assert.Equal(7, graph.Constants.Count(constant => constant.Constant is Tensor<sbyte> { Shape.Rank: >= 2 }));
        Assert.All(graph.Constants.Where(constant => constant.Type is { DataType: DataType.Float32, Rank: > 1 }), constant => Assert.Fail(constant.Name));
        Assert.NotNull(graph.Find("conv1a.bias"));
        var printed = graph.ToString();
        FakeQuantization.Finish(graph, new());
        Assert.Equal(printed, graph.ToString());
    }

    [Fact]
    public void Exact_scales_stay_exact_through_the_fold()
    {
        var net = new TestNetwork(3, 6);
        net.Graph.AddOutput(net.BatchNorm("norm", net.Conv("conv", net.Input, 8, 3)));
        TestNetwork.Quantize(net.Graph, new() { ExactScales = true, Calibrator = new MaxCalibrator() });
        var scales = net.Graph.Find("conv.weight/scale")!.Constant!.As<float>().Data;
        FakeQuantization.Finish(net.Graph, new() { ExactScales = true });
        var folded = net.Graph.Nodes.Single(node => node.Op is Conv).Inputs[1]!.Producer!.Inputs[1]!.Constant!.As<float>().Data;
        Assert.Contains(folded, scale => !ShortScale.IsShort(scale));
        Assert.NotEqual(scales, folded);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void With_short_scales_a_literal_run_in_floats_is_exact(bool keepsBatchNorm)
    {
        var net = new TestNetwork(3, 8);
        var conv = net.Conv("conv1", net.Input, 8, 3);
        var stem = net.Relu("relu1", keepsBatchNorm ? net.BatchNorm("norm", conv) : conv);
        var graph = net.Classify(net.Conv("conv2", stem, 16, 3));
        // A channel of next to nothing: its scale must not get too small for its bias.
        graph.Find("conv2.weight")!.Constant!.As<float>().Span[..72].Fill(1e-6f);
        TestNetwork.Quantize(graph);
        FakeQuantization.Finish(graph, new());
        GraphInterpreter.Run(graph, [TestNetwork.Images(3, 2, 3, 8)], (value, tensor) =>
        {
            if (value.Producer!.Op is not (Conv or Gemm)) return;
            var (input, weight) = (Scales(value.Producer, 0), Scales(value.Producer, 1));
            var inner = tensor.Shape.Rank == 4 ? tensor.Shape[2] * tensor.Shape[3] : 1;
            for (var i = 0; i < tensor.Length; i++)
            {
                var units = tensor.As<float>().Data[i] / ((double)input[0] * weight[i / inner % weight.Length]);
                Expect.That(Math.Abs(units) < 1 << 24 && units == Math.Round(units), $"{value.Name}[{i}] is {units} units");
            }
        });

        static float[] Scales(Node node, int operand) => node.Inputs[operand]!.Producer!.Inputs[1]!.Constant!.As<float>().Data;
    }

    [Fact]
    public void Weights_that_training_pushed_beyond_their_scale_stay_in_the_narrow_range()
    {
        var net = new TestNetwork(4, 4);
        net.Graph.AddOutput(net.Conv("conv", net.Input, 4));
        TestNetwork.Quantize(net.Graph);
        var weight = net.Graph.Find("conv.weight")!;
        net.Graph.SetConstant(weight, Tensor.Create(weight.Type.ToShape(), Enumerable.Range(0, 16).Select(i => i % 2 == 0 ? -9f : 9f).ToArray()));
        FakeQuantization.Finish(net.Graph, new());
        Assert.Equal([-127, 127], net.Graph.Constants.Single(c => c.Type.Rank == 4).Constant!.As<sbyte>().Data.Select(q => (int)q).Distinct());
    }

    [Fact]
    public void Batch_norm_kept_by_training_folds_into_the_integers_whatever_the_signs()
    {
        foreach (var bias in new[] { false, true })
        {
            var net = new TestNetwork(3, 6);
            var x = net.Relu("relu1", net.BatchNorm("norm1", net.Conv("conv1", net.Input, 8, 3, bias: bias)));
            x = net.BatchNorm("norm2", net.Conv("conv2", x, 8, 3, groups: 8, bias: bias));
            // One factor of exactly zero: that channel becomes its bias.
            var gamma = net.Graph.Find("norm2.gamma")!.Constant!.As<float>().Data;
            gamma[3] = 0;
            Assert.Contains(gamma, g => g < 0);
            net.Graph.AddOutput(x);
            TestNetwork.Quantize(net.Graph);
            var images = TestNetwork.Images(8, 2, 3, 6);
            var before = GraphInterpreter.Run(net.Graph, [images])[0].As<float>().Data;
            var integers = Integers(net.Graph, "conv1");
            FakeQuantization.Finish(net.Graph, new());
            Assert.Equal(integers.Select(q => Math.Abs((int)q)), Integers(net.Graph, "conv1").Select(q => Math.Abs((int)q)));
            var after = GraphInterpreter.Run(net.Graph, [images])[0].As<float>().Data;
            Assert.DoesNotContain(net.Graph.Nodes, node => node.Op is BatchNormalization);
            Assert.Equal(["conv1", "conv2"], net.Graph.Nodes.Where(node => node.Op is Conv).Select(node => node.Name));
            Assert.True(Decibels(before, after) > 35, $"{Decibels(before, after)} dB");
        }

        static sbyte[] Integers(Graph graph, string layer)
        {
            var quantized = graph.Nodes.Single(node => node.Name == layer).Inputs[1]!.Producer!.Inputs[0]!;
            return (quantized.Constant ?? quantized.Producer!.Op.Evaluate([.. quantized.Producer.Inputs.Select(input => input!.Constant)], 1)[0]).As<sbyte>().Data;
        }
    }

    [Fact]
    public void A_missing_range_and_a_weight_that_is_not_finite_are_errors_that_name_them()
    {
        var graph = TestNetwork.Residual();
        var placement = QdqPlacement.Find(graph, new());
        Assert.Contains("'x'", Assert.Throws<PithException>(() => InsertQdq.Apply(graph, placement, new Dictionary<string, QuantizationParameters>(), new())).Message);

        var ranges = placement.Activations.ToDictionary(activation => activation.Value.Name, _ => QuantizationParameters.Symmetric(1));
        graph.Find("conv1a.weight")!.Constant!.As<float>().Data[5] = float.NaN;
        Assert.Contains("'conv1a.weight'", Assert.Throws<PithException>(() => InsertQdq.Apply(graph, placement, ranges, new())).Message);
    }

    [Fact]
    public void A_cache_gives_the_scales_that_calibration_chose()
    {
        var graph = TestNetwork.Residual();
        var options = new QuantizationSettings();
        var placement = QdqPlacement.Find(graph, options);
        var ranges = ActivationRanges.Calibrated(placement, TestNetwork.Observe(graph, placement, TestNetwork.Images(1, 4, 3, 8)), options);
        var cache = new CalibrationCache(ranges.Select(range => KeyValuePair.Create(range.Key, range.Value.Scales[0])), new(ModelHash.Of(graph), "mse", 4));
        var cached = FakeQuantization.FromCache(graph, options, cache);
        Assert.Equal(ranges, cached.Ranges);

        graph.Find("fc.bias")!.Constant!.As<float>().Data[0] += 1;
        Assert.Contains("stale", Assert.Throws<PithException>(() => FakeQuantization.FromCache(graph, options, cache)).Message);
        Assert.Contains("no scale for tensor", Assert.Throws<PithException>(() => FakeQuantization.FromCache(graph, options, new CalibrationCache([], null))).Message);
        Assert.Throws<PithException>(() => FakeQuantization.FromCache(graph, options with { Activations = ActivationForm.UInt8 }, new CalibrationCache([], null)));
    }

    [Fact]
    public void A_models_hash_follows_weights_and_structure_but_not_metadata()
    {
        var hash = ModelHash.Of(TestNetwork.Residual());
        var graph = TestNetwork.Residual();
        graph.Metadata["author"] = "somebody";
        Assert.Equal(hash, ModelHash.Of(graph));
        Assert.Equal(hash, ModelHash.Of(graph.Clone()));
        graph.Find("conv0.weight")!.Constant!.As<float>().Data[0] += 1;
        Assert.NotEqual(hash, ModelHash.Of(graph));
        Assert.NotEqual(hash, ModelHash.Of(TestNetwork.Residual().Clone(("N", 2))));
    }

    private static double Snr(Graph reference, Graph other)
    {
        var images = TestNetwork.Images(9, 4, 3, 8);
        return Decibels(GraphInterpreter.Run(reference, [images])[0].As<float>().Data, GraphInterpreter.Run(other, [images])[0].As<float>().Data);
    }

    private static double Decibels(float[] reference, float[] other)
    {
        var comparison = new SignalComparison();
        comparison.Add(reference, other);
        return comparison.SnrDecibels;
    }

    [Fact]
    public void Whatever_the_factors_of_batch_norm_are_the_exported_network_computes_what_was_simulated()
    {
        foreach (var gamma in new[] { 1f, -1, 0, 1e-44f, -1e-30f, 1e-10f, 1e12f, 1e38f, float.NaN, float.PositiveInfinity })
            foreach (var exactScales in new[] { false, true })
            {
                var net = new TestNetwork(4, 6);
                net.Graph.AddOutput(net.BatchNorm("bn", net.Conv("conv", net.Input, 8, 3)));
                net.Graph.Find("bn.gamma")!.Constant!.As<float>().Data[2] = gamma;
                TestNetwork.Quantize(net.Graph, new() { Calibrator = new MaxCalibrator(), ExactScales = exactScales });
                // Training may push a weight beyond its scale.
                net.Graph.Find("conv.weight")!.Constant!.As<float>().Data[5] = -9;
                var exported = net.Graph.Clone();
                FakeQuantization.Finish(exported, new() { ExactScales = exactScales });
                var x = TestNetwork.Images(3, 2, 4, 6);
                var (before, after) = (GraphInterpreter.Run(net.Graph, [x])[0].As<float>().Data, GraphInterpreter.Run(exported, [x])[0].As<float>().Data);
                for (var channel = 0; channel < 8; channel++)
                {
                    var elements = Enumerable.Range(0, before.Length).Where(i => i / 36 % 8 == channel).ToArray();
                    var largest = elements.Select(i => before[i]).Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
                    // Rounded scales and biases differ by steps; the pushed weight by one.
                    Assert.All(elements, i => Expect.That(before[i].Equals(after[i]) || Math.Abs(before[i] - after[i]) <= 0.05 * largest, $"gamma {gamma}, exact {exactScales}, channel {channel}: expected {before[i]}, got {after[i]}"));
                }
            }
    }
}
