using Pith.Ops;

namespace Pith.Compression.Tests;

/// <summary>Channels change places everywhere at once: the network computes the same, and masks keep more.</summary>
public class ChannelReorderingTests
{
    private static readonly SparsityPattern s_four = SparsityPattern.Parse("4:2:4");

    public static TheoryData<string> Networks => [.. s_networks.Keys];

    private static readonly Dictionary<string, Func<TestNetwork, Value, Value>> s_networks = new(StringComparer.Ordinal)
    {
        ["plain"] = (net, x) => net.Conv("b", net.Relu("relu", net.Conv("a", x, 16, 3)), 16, 3),
        ["batch norm"] = (net, x) => net.Conv("b", net.Relu("relu", net.BatchNorm("norm", net.Conv("a", x, 16, 3, bias: false))), 16),
        ["residual"] = (net, x) =>
        {
            var start = net.Conv("a", x, 16);
            return net.Conv("d", net.Add("sum", net.Conv("c", net.Relu("relu", net.Conv("b", start, 32, 3)), 16, 3), start), 16);
        },
        ["concat"] = (net, x) => net.Conv("c", net.Node("join", new Concat(1), net.Conv("a", x, 12), net.Relu("relu", net.Conv("b", x, 20))), 16),
        ["concat of parts that are read alone as well"] = (net, x) =>
        {
            var (a, b) = (net.Conv("a", x, 12), net.Conv("b", x, 20));
            return net.Add("sum", net.Conv("c", net.Node("join", new Concat(1), a, b, net.Relu("relu", a)), 16), net.Conv("d", b, 16));
        },
        ["depthwise"] = (net, x) => net.Conv("c", net.BatchNorm("norm", net.Conv("b", net.Conv("a", x, 16), 16, 3, groups: 16)), 16),
        ["depthwise with two filters each"] = (net, x) => net.Conv("c", net.Conv("b", net.Conv("a", x, 16), 32, 3, groups: 16), 16),
        ["pools and clip"] = (net, x) => net.Conv("b", net.Node("pool", new MaxPool { Window = new WindowAttributes { KernelShape = [2, 2] } }, net.Node("mean", new AveragePool { Window = new WindowAttributes { KernelShape = [2, 2] } }, net.Graph.Add(new Clip(), net.Conv("a", x, 16), net.Scalar(-1), net.Scalar(1)))), 16),
        ["squeeze and excitation"] = (net, x) =>
        {
            var a = net.Conv("a", x, 16);
            var gate = net.Node("gate", new Sigmoid(), net.Conv("up", net.Relu("relu", net.Conv("down", net.Node("pool", new GlobalAveragePool(), a), 8)), 16));
            return net.Conv("b", net.Node("scaled", new Mul(), a, gate), 16);
        },
        ["factor per channel"] = (net, x) => net.Conv("b", net.Node("scaled", new Mul(), net.Graph.AddConstant("factor", Tensor.Create(new Shape(16, 1, 1), Samples.Gaussian(77, 16))), net.Conv("a", x, 16)), 16),
        ["slope per channel"] = (net, x) => net.Conv("b", net.Node("prelu", new PRelu(), net.Conv("a", x, 16), net.Graph.AddConstant("slope", Tensor.Create(new Shape(16, 1, 1), Samples.Gaussian(78, 16)))), 16),
        ["split"] = (net, x) =>
        {
            var joined = net.Node("join", new Concat(1), net.Conv("a", x, 8), net.Conv("b", x, 8));
            var parts = net.Graph.AddNode(new Split(1, 2), [joined], "split");
            return net.Conv("c", net.Add("sum", parts.Outputs[0], parts.Outputs[1]), 16);
        },
        ["slice and pad"] = (net, x) =>
        {
            Value Numbers(params long[] numbers) => net.Graph.AddConstant("numbers", Tensor.Vector<long>(numbers));
            var sliced = net.Node("slice", new Slice(), net.Conv("a", x, 16), Numbers(1), Numbers(5), Numbers(2));
            return net.Conv("b", net.Node("pad", new Pad(), sliced, Numbers(0, 0, 1, 1, 0, 0, 1, 1)), 16);
        },
        ["flatten of pixels"] = (net, x) => net.Node("image", new Unsqueeze([2, 3]), net.Gemm("fc", net.Node("flat", new Flatten(), net.Conv("a", x, 16)), 16)),
        ["transposed convolution"] = (net, x) => net.Conv("c", net.Graph.AddNode(new ConvTranspose(), [net.Conv("a", x, 16), net.Graph.AddConstant("up", Tensor.Create(new Shape(16, 16, 2, 2), Samples.Gaussian(79, 1024))), net.Graph.AddConstant("bias", Tensor.Vector<float>(Samples.Gaussian(80, 16)))], "up").Output, 16),
        ["one tensor for two biases"] = (net, x) =>
        {
            var shared = net.Graph.AddConstant("shared", Tensor.Vector<float>(Samples.Gaussian(81, 16)));
            Value Biased(string name, Value value) => net.Graph.AddNode(new Conv(), [value, net.Graph.AddConstant($"{name}.weight", Tensor.Create(new Shape(16, 16, 1, 1), Samples.Gaussian(name[0], 256))), shared], name).Output;
            return net.Conv("c", Biased("b", net.Relu("relu", Biased("a", net.Conv("first", x, 16)))), 16);
        },
        ["transposes to channels-last and back"] = (net, x) =>
        {
            var last = net.Node("last", new Transpose([0, 2, 3, 1]), net.Conv("a", x, 16));
            var mixed = net.Node("product", new MatMul(), last, net.Graph.AddConstant("mix", Tensor.Create(new Shape(16, 24), Samples.Gaussian(82, 384))));
            var normalized = net.Node("norm", new LayerNormalization(), mixed, net.Graph.AddConstant("scale", Tensor.Vector<float>(Samples.Gaussian(83, 24))), net.Graph.AddConstant("shift", Tensor.Vector<float>(Samples.Gaussian(84, 24))));
            return net.Conv("b", net.Node("first", new Transpose([0, 3, 1, 2]), net.Node("gelu", new Gelu(), normalized)), 16);
        },
        ["fake quantization"] = (net, x) =>
        {
            Value Rounded(Value value, Value scale, int axis) => net.Graph.Add(new DequantizeLinear { Axis = axis }, net.Graph.Add(new QuantizeLinear { Axis = axis, OutputType = DataType.Int8 }, value, scale), scale);
            var scales = net.Graph.AddConstant("scales", Tensor.Vector<float>([.. Enumerable.Range(1, 16).Select(i => i / 1024f)]));
            var weight = net.Graph.AddConstant("q.weight", Tensor.Create(new Shape(16, 8, 1, 1), Samples.Gaussian(85, 128, 0.3)));
            var a = net.Graph.AddNode(new Conv(), [x, Rounded(weight, scales, 0)], "a").Output;
            return net.Conv("b", net.Relu("relu", a), 16);
        },
    };

    [Theory, MemberData(nameof(Networks))]
    public void The_network_computes_the_same_and_masks_keep_more(string name)
    {
        var graph = Build(name);
        var input = TestNetwork.Images(5, 2, 8, 8);
        var before = Run(graph, input);
        var original = graph.Constants.ToDictionary(constant => constant.Name, constant => constant.Constant!);
        var layers = Layers(graph, s_four);
        var reasons = ChannelReordering.Apply(graph, layers, seed: 1, new PruningOptions { Events = new Refusing() });
        Assert.False(reasons.ContainsKey(graph.Nodes.First(node => WeightOperand.Of(node) is not null)), string.Join("; ", reasons.Values));
        Assert.Contains(graph.Constants, constant => !ReferenceEquals(original.GetValueOrDefault(constant.Name), constant.Constant));
        var after = Run(graph, input);
        var largest = before.Max(Math.Abs);
        Assert.All(before.Zip(after), pair => Expect.That(Math.Abs(pair.First - pair.Second) <= 1e-5 * largest, $"{name}: {pair.First} became {pair.Second}"));
        foreach (var constant in graph.Constants)
            if (original.TryGetValue(constant.Name, out var tensor) && tensor is Tensor<float> floats) Assert.Equal(floats.Data.Order(), constant.Constant!.As<float>().Data.Order());

        double Kept(ChannelOrder order) => Prune24.Apply(Build(name), new PruningSettings { Pattern = s_four, ChannelOrder = order }).Layers.Where(layer => layer.SkipReason is null).Average(layer => layer.KeptMagnitude);
        Assert.True(Kept(ChannelOrder.Search) > Kept(ChannelOrder.Keep), $"{Kept(ChannelOrder.Search)} of {Kept(ChannelOrder.Keep)}");
    }

    [Fact]
    public void Alike_channels_meet_in_a_group()
    {
        // Even channels read the first two of four inputs, odd ones the others: a mask for neighbours loses half, grouped by likeness it loses nothing.
        var net = new TestNetwork(8, 4);
        var hidden = net.Conv("a", net.Input, 32);
        net.Graph.AddOutput(net.Conv("b", hidden, 4));
        var weight = net.Graph.Find("a.weight")!.Constant!.As<float>().Data;
        for (var i = 0; i < weight.Length; i++)
            if (i % 4 / 2 != i / 8 % 2) weight[i] = 0;
        var settings = new PruningSettings { Pattern = SparsityPattern.Parse("16:2:4"), Include = ["a"] };
        Assert.InRange(Prune24.Apply(net.Graph.Clone(), settings with { ChannelOrder = ChannelOrder.Keep }).KeptMagnitude, 0.4, 0.7);
        Assert.Equal(1, Prune24.Apply(net.Graph.Clone(), settings).KeptMagnitude, 1e-6);
        Assert.Equal(1, Prune24.Apply(net.Graph.Clone(), settings with { ChannelSeed = 5 }).KeptMagnitude, 1e-6);
    }

    [Fact]
    public void Input_channels_are_ordered_for_plain_2_4_when_asked()
    {
        // All of a filter's weight lies on four neighbouring inputs of eight.
        var net = new TestNetwork(4, 4);
        var hidden = net.Relu("relu", net.Conv("a", net.Input, 8));
        net.Graph.AddOutput(net.Conv("b", hidden, 16));
        var weight = net.Graph.Find("b.weight")!.Constant!.As<float>().Data;
        for (var i = 0; i < weight.Length; i++)
            if (i % 8 >= 4) weight[i] = 0;
        var settings = new PruningSettings { Include = ["b"] };
        Assert.InRange(Prune24.Apply(net.Graph.Clone(), settings).KeptMagnitude, 0.6, 0.85);
        Assert.Equal(1, Prune24.Apply(net.Graph.Clone(), settings with { ChannelOrder = ChannelOrder.Search }).KeptMagnitude, 1e-6);
    }

    [Theory]
    [InlineData("an output of the network", "'b:out' is an output of the network")]
    [InlineData("grouped", "Conv 'g' needs its channels in their order")]
    [InlineData("shuffle", "Reshape 'shuffle' needs its channels in their order")]
    [InlineData("argmax", "ArgMax 'which' needs its channels in their order")]
    [InlineData("shared weight", "the weight 'a.weight' is read in several places")]
    public void Channels_stay_where_their_order_matters(string name, string reason)
    {
        var net = new TestNetwork(16, 4);
        var a = net.Conv("a", net.Input, 16);
        Value last = name switch
        {
            "grouped" => net.Conv("g", a, 16, groups: 2),
            "shuffle" => net.Node("shuffle", new Reshape(), a, net.Graph.AddConstant("shape", Tensor.Vector(0L, 4, 4, 4, 4))),
            "argmax" => net.Node("which", new ArgMax(1), a),
            "shared weight" => net.Conv("b", net.Graph.AddNode(new Conv(), [net.Relu("relu", a), net.Graph.Find("a.weight")], "again").Output, 16),
            _ => net.Conv("b", a, 16),
        };
        net.Graph.AddOutput(last);
        var layers = Prune24.Apply(net.Graph, new PruningSettings { Pattern = s_four }).Layers;
        Assert.Contains(layers, layer => layer.WhyInOrder == reason);
        Assert.Equal(name != "an output of the network", layers[0].WhyInOrder is not null);
    }

    [Fact]
    public void A_layer_that_is_sparse_and_not_pruned_again_keeps_its_pattern()
    {
        var graph = TestNetwork.Residual();
        Prune24.Apply(graph, new PruningSettings { Pattern = s_four, Include = ["conv1*"] });
        var before = graph.Find("conv1b.weight")!.Constant!.As<float>().Data.ToArray();
        var layers = Prune24.Apply(graph, new PruningSettings { Pattern = s_four, Exclude = ["conv1*"] }).Layers;
        Assert.Equal(6, SparsityRecord.Verify(graph, "pruning"));
        Assert.Equal(before, graph.Find("conv1b.weight")!.Constant!.As<float>().Data);
        Assert.All(layers.Where(layer => layer.Name is "conv2b" or "down2"), layer => Assert.Null(layer.WhyInOrder));
    }

    [Fact]
    public void The_same_seed_gives_the_same_order()
    {
        byte[] Pruned(int seed)
        {
            var graph = TestNetwork.Residual();
            Prune24.Apply(graph, new PruningSettings { Pattern = s_four, ChannelSeed = seed });
            return OnnxModel.ToBytes(graph);
        }
        Assert.Equal(Pruned(1), Pruned(1));
    }

    [Fact]
    public void A_network_that_cannot_be_run_keeps_its_order_and_says_so()
    {
        var net = new TestNetwork(8, 4);
        var shape = net.Graph.AddInput("sizes", TensorType.Float32(Dim.Named("M"), 3));
        // No batch fits: 1 row cannot be added to 2.
        var fixedRows = net.Graph.AddConstant("rows", Tensor.Create(new Shape(2, 3), Samples.Gaussian(1, 6)));
        net.Graph.AddOutput(net.Node("rows+", new Concat(0), shape, fixedRows));
        net.Graph.AddOutput(net.Conv("b", net.Conv("a", net.Input, 16), 4));
        var check = OutputProbe.Of(net.Graph);
        Assert.Null(check.WhyNotEqual(net.Graph));
        net.Graph.SetConstant(net.Graph.Find("b.bias")!, Tensor.Vector<float>(3, 3, 3, 3));
        Assert.Contains("its output 'b:out' changes by", check.WhyNotEqual(net.Graph), StringComparison.Ordinal);
    }

    private static Graph Build(string name)
    {
        var net = new TestNetwork(8, 8);
        net.Graph.AddOutput(net.Conv("last", s_networks[name](net, net.Input), 8));
        return net.Graph;
    }

    private static LayerToPrune[] Layers(Graph graph, SparsityPattern pattern) =>
        [.. graph.Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().Where(weight => weight.Reduction % 4 == 0 && weight.Layout is not null && weight.Constant.Type.DataType == DataType.Float32).Select(weight => new LayerToPrune(weight, pattern))];

    private static double[] Run(Graph graph, Tensor input) => [.. GraphInterpreter.Run(graph, [input]).SelectMany(output => output.ConvertTo(DataType.Float64).As<double>().Data)];

    /// <summary>A warning says that the outputs had changed.</summary>
    private sealed class Refusing : IProgress<PithEvent>
    {
        public void Report(PithEvent value)
        {
            if (value is Warning warning) Assert.Fail(warning.Message);
        }
    }
}
