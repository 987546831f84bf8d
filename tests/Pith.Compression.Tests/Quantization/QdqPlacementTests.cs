using Pith.Ops;

namespace Pith.Compression.Tests;

public class QdqPlacementTests
{
    [Fact]
    public void Data_and_weights_of_every_convolution_and_matrix_product_are_quantized_but_not_their_outputs()
    {
        var net = new TestNetwork(3, 8);
        var placement = Find(net.Classify(net.Relu("relu", net.Conv("conv", net.Input, 8, 3))));
        Assert.Equal(["x", "relu:out", "flatten:out"], Names(placement));
        Assert.Equal(["conv.weight", "fc.weight"], placement.Weights.Select(weight => weight.Weight.Constant.Name));
        Assert.Equal(["conv", "pool", "fc"], placement.Layers.Select(decision => decision.Layer.Name));
        Assert.All(placement.Layers, decision => Assert.Null(decision.SkipReason));
    }

    [Fact]
    public void A_residual_addition_quantizes_the_shortcut_and_leaves_the_branch_that_ends_in_a_convolution()
    {
        var placement = Find(TestNetwork.Residual());
        // relu0 feeds conv1a and, as the shortcut, add1; relu1 feeds conv2a and down2. Of the two convolutions into add2 the last one computed, conv2b or down2, stays float.
        Assert.Equal(["add1.1", "conv1a.0"], Readers(placement, "relu0:out"));
        Assert.DoesNotContain("conv1b:out", Names(placement));
        Assert.Single(Names(placement), name => name is "conv2b:out" or "down2:out");
        Assert.DoesNotContain("add2:out", Names(placement));
    }

    [Fact]
    public void Of_two_convolutions_into_an_addition_the_one_computed_last_takes_it_over()
    {
        var net = new TestNetwork(4, 4);
        var first = net.Conv("first", net.Input, 8);
        var second = net.BatchNorm("norm", net.Conv("second", net.Input, 8));
        net.Graph.AddOutput(net.Add("add", second, first));
        Assert.Equal(["x", "first:out"], Names(Find(net.Graph)));
    }

    [Fact]
    public void A_convolution_that_somebody_else_reads_as_well_does_not_take_the_addition()
    {
        var net = new TestNetwork(4, 4);
        var shared = net.Conv("shared", net.Input, 8);
        var relu = net.Relu("relu", shared);
        net.Graph.AddOutput(net.Conv("next", net.Add("add", shared, relu), 8));
        Assert.Equal(["x", "shared:out", "relu:out", "add:out"], Names(Find(net.Graph)).Order(StringComparer.Ordinal).Reverse());
    }

    [Fact]
    public void Adding_a_constant_or_with_broadcasting_is_no_residual()
    {
        var net = new TestNetwork(4, 4);
        var conv = net.Conv("conv", net.Input, 8);
        var shifted = net.Add("shift", conv, net.Graph.AddConstant("c", Tensor.Zeros<float>(new Shape(1, 8, 1, 1))));
        net.Graph.AddOutput(net.Add("broadcast", shifted, net.Node("pool", new GlobalMaxPool(), shifted)));
        Assert.Equal(["x"], Names(Find(net.Graph)));
    }

    [Fact]
    public void Squeeze_and_excitation_quantizes_both_factors_and_x_times_sigmoid_none()
    {
        var net = new TestNetwork(4, 4);
        var conv = net.Conv("conv", net.Input, 8);
        var swish = net.Node("swish", new Mul(), conv, net.Node("sigmoid", new Sigmoid(), conv));
        var gate = net.Node("gate", new Sigmoid(), net.Conv("excite", net.Relu("relu", net.Conv("squeeze", net.Node("mean", new GlobalAveragePool(), swish), 4)), 8));
        net.Graph.AddOutput(net.Conv("project", net.Node("scale", new Mul(), swish, gate), 4));
        var placement = Find(net.Graph);
        Assert.Equal(["mean.0", "scale.0"], Readers(placement, "swish:out"));
        Assert.Equal(["scale.1"], Readers(placement, "gate:out"));
        Assert.DoesNotContain("conv:out", Names(placement));
        Assert.DoesNotContain("sigmoid:out", Names(placement));
    }

    [Fact]
    public void Pre_activation_quantizes_the_input_of_batch_norm_and_of_max_pooling()
    {
        var net = new TestNetwork(3, 8);
        var stem = net.Conv("stem", net.Input, 8, 3);
        var pooled = net.Node("maxpool", new MaxPool { Window = new() { KernelShape = [2, 2], Strides = [2, 2] } }, stem);
        var branch = net.Conv("conv1", net.Relu("relu1", net.BatchNorm("norm1", pooled)), 8, 3);
        var sum = net.Add("add", pooled, branch);
        var placement = Find(net.Classify(net.Relu("relu2", net.BatchNorm("norm2", sum))));
        Assert.Equal(["maxpool.0"], Readers(placement, "stem:out"));
        Assert.Equal(["add.0", "norm1.0"], Readers(placement, "maxpool:out"));
        Assert.Equal(["norm2.0"], Readers(placement, "add:out"));
        Assert.Equal(GroupOf(placement, "stem:out"), GroupOf(placement, "maxpool:out"));
        Assert.NotEqual(GroupOf(placement, "add:out"), GroupOf(placement, "maxpool:out"));
    }

    [Fact]
    public void Batch_norm_behind_a_convolution_and_max_pooling_behind_an_activation_need_nothing()
    {
        var net = new TestNetwork(3, 8);
        var stem = net.Relu("relu", net.BatchNorm("norm", net.Conv("stem", net.Input, 8, 3)));
        var pooled = net.Node("maxpool", new MaxPool { Window = new() { KernelShape = [2, 2], Strides = [2, 2] } }, stem);
        net.Graph.AddOutput(net.Conv("next", pooled, 8));
        Assert.Equal(["x", "maxpool:out"], Names(Find(net.Graph)));
    }

    [Fact]
    public void Operands_and_result_of_a_concat_share_one_scale_also_behind_pooling()
    {
        var net = new TestNetwork(4, 4);
        var squeeze = net.Relu("squeeze", net.Conv("conv0", net.Input, 4));
        var left = net.Relu("left", net.Conv("conv1", squeeze, 4));
        var right = net.Relu("right", net.Conv("conv2", squeeze, 4, 3));
        var concat = net.Node("concat", new Concat(1), left, right);
        var pooled = net.Node("maxpool", new MaxPool { Window = new() { KernelShape = [2, 2] } }, concat);
        net.Graph.AddOutput(net.Conv("conv3", pooled, 4));
        var placement = Find(net.Graph);
        Assert.Equal(["x", "squeeze:out", "left:out", "right:out", "maxpool:out"], Names(placement));
        Assert.Single(new[] { "left:out", "right:out", "maxpool:out" }.Select(name => GroupOf(placement, name)).Distinct());
        Assert.NotEqual(GroupOf(placement, "squeeze:out"), GroupOf(placement, "left:out"));
    }

    [Fact]
    public void A_concat_whose_result_stays_float_is_left_alone()
    {
        var net = new TestNetwork(4, 4);
        net.Graph.AddOutput(net.Node("concat", new Concat(1), net.Conv("a", net.Input, 4), net.Conv("b", net.Input, 4)));
        Assert.Equal(["x"], Names(Find(net.Graph)));
    }

    [Fact]
    public void Max_pooling_between_quantized_tensors_reads_the_quantized_one()
    {
        var net = new TestNetwork(4, 4);
        var stem = net.Relu("relu", net.Conv("stem", net.Input, 4));
        var pooled = net.Node("maxpool", new MaxPool { Window = new() { KernelShape = [1, 1] } }, stem);
        net.Graph.AddOutput(net.Add("add", net.Conv("left", stem, 4), net.Conv("right", pooled, 4)));
        var placement = Find(net.Graph);
        Assert.Equal(["left.0", "maxpool.0"], Readers(placement, "relu:out"));
        Assert.Equal(GroupOf(placement, "relu:out"), GroupOf(placement, "maxpool:out"));
    }

    [Fact]
    public void Both_operands_of_a_product_of_activations_are_quantized()
    {
        var graph = new Graph();
        var (a, b) = (graph.AddInput("a", TensorType.Float32(4, 8)), graph.AddInput("b", TensorType.Float32(8, 4)));
        graph.AddOutput(graph.Add(new MatMul(), a, b));
        var placement = Find(graph);
        Assert.Equal(["a", "b"], Names(placement));
        Assert.Empty(placement.Weights);
    }

    [Fact]
    public void Layers_stay_float_by_name_pattern_type_and_place()
    {
        AssertFloat(new() { KeepFloat = ["conv1a"] }, ("conv1a", "float by name"));
        AssertFloat(new() { KeepFloat = ["conv2*"] }, ("conv2a", "float by name"), ("conv2b", "float by name"));
        AssertFloat(new() { KeepFloatTypes = ["Gemm"] }, ("fc", "float by op type Gemm"));
        AssertFloat(new() { FirstLayerInFloat = true, LastLayerInFloat = true }, ("conv0", "the first layer"), ("fc", "the last layer"));
        AssertFloat(new() { FirstLayerInFloat = true, Only = ["*"] });
    }

    [Fact]
    public void Only_what_is_named_is_quantized_when_the_rest_is_float()
    {
        var placement = QdqPlacement.Find(TestNetwork.Residual(), new() { Only = ["conv1b"] });
        Assert.Equal(["relu1a:out"], Names(placement));
        Assert.Equal(["conv1b.weight"], placement.Weights.Select(weight => weight.Weight.Constant.Name));
        Assert.Equal("not chosen", placement.Layers[0].SkipReason);
    }

    [Fact]
    public void A_rule_that_matches_no_layer_is_an_error()
    {
        var options = new QuantizationSettings { KeepFloat = ["conv9"] };
        Assert.Contains("'conv9' matches no layer. The closest are", Assert.Throws<PithException>(() => QdqPlacement.Find(TestNetwork.Residual(), options)).Message);
    }

    [Fact]
    public void A_graph_that_is_quantized_already_or_has_nothing_to_quantize_is_refused()
    {
        var graph = TestNetwork.Residual();
        TestNetwork.Quantize(graph);
        Assert.Contains("quantized already", Assert.Throws<PithException>(() => Find(graph)).Message);
        var net = new TestNetwork(3, 4);
        net.Graph.AddOutput(net.Relu("relu", net.Input));
        Assert.Contains("no layer that can be quantized", Assert.Throws<PithException>(() => Find(net.Graph)).Message);
    }

    private static QdqPlacement Find(Graph graph) => QdqPlacement.Find(graph, new QuantizationSettings());

    private static IEnumerable<string> Names(QdqPlacement placement) => placement.Activations.Select(activation => activation.Value.Name);

    private static IEnumerable<string> Readers(QdqPlacement placement, string tensor) =>
        placement.Activations.Single(activation => activation.Value.Name == tensor).Uses.Select(use => $"{use.Node.Name}.{use.Index}").Order(StringComparer.Ordinal);

    private static int GroupOf(QdqPlacement placement, string tensor) => placement.Activations.Single(activation => activation.Value.Name == tensor).Group;

    private static void AssertFloat(QuantizationSettings options, params (string Layer, string Why)[] expected) =>
        Assert.Equal(expected, QdqPlacement.Find(TestNetwork.Residual(), options).Layers.Where(decision => decision.SkipReason is not null).Select(decision => (decision.Layer.Name, decision.SkipReason!)));

    [Theory]
    [InlineData(ActivationForm.UInt8, 65_000, true)]
    [InlineData(ActivationForm.UInt8, 70_000, false)]
    [InlineData(ActivationForm.Int8, 70_000, true)]
    [InlineData(ActivationForm.Int8, 140_000, false)]
    public void A_layer_whose_sums_do_not_fit_32_bits_stays_in_float(ActivationForm type, int products, bool fits)
    {
        var graph = new Graph();
        var weight = graph.AddConstant("w", Tensor.Zeros<float>(new Shape(1, products)));
        graph.AddOutput(graph.AddNode(new Gemm { TransB = true }, [graph.AddInput("x", TensorType.Float32(1, products)), weight], "fc").Output);
        var placement = QdqPlacement.Find(graph, new() { Activations = type });
        Assert.Equal(fits ? null : $"sums {products} products of 8-bit numbers, more than fit a 32-bit accumulator", Assert.Single(placement.Layers).SkipReason);
        Assert.Equal(fits ? 1 : 0, placement.Weights.Count);
    }
}
