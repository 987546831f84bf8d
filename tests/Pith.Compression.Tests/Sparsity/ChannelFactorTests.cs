using Pith.Ops;

namespace Pith.Compression.Tests;

/// <summary>Channels are multiplied by factors everywhere at once: the network computes the same.</summary>
public class ChannelFactorTests
{
    private const int Channels = 8;

    public static TheoryData<string> Networks => [.. s_networks.Keys];

    // What the channels of 'a:out' flow through, to a convolution that sums over them.
    private static readonly Dictionary<string, Func<TestNetwork, Value, Value>> s_networks = new(StringComparer.Ordinal)
    {
        ["relu"] = (net, a) => net.Relu("relu", a),
        ["leaky relu, abs and neg"] = (net, a) => net.Node("neg", new Neg(), net.Node("abs", new Abs(), net.Node("leaky", new LeakyRelu(0.2f), a))),
        ["slope per channel"] = (net, a) => net.Node("prelu", new PRelu(), a, Vector(net, "slope", 1)),
        ["clip at 0"] = (net, a) => net.Graph.Add(new Clip(), a, net.Scalar(0)),
        ["residual"] = (net, a) => net.Add("sum", net.Conv("c", net.Relu("relu", a), Channels, 3), a),
        ["constant per channel in a sum"] = (net, a) => net.Node("less", new Sub(), Vector(net, "shift", 1), net.Add("more", a, Vector(net, "bias", 2))),
        ["concat"] = (net, a) => net.Node("join", new Concat(1), net.Conv("c", net.Input, 5), net.Relu("relu", a), a),
        ["depthwise"] = (net, a) => net.Conv("dw", net.Relu("relu", a), Channels, 3, groups: Channels),
        ["depthwise with two filters each"] = (net, a) => net.Conv("dw", a, 2 * Channels, 3, groups: Channels),
        ["a residual around a depthwise"] = (net, a) => net.Add("sum", net.Conv("dw", a, Channels, 3, groups: Channels), a),
        ["batch norm"] = (net, a) => net.BatchNorm("norm", a),
        ["constant per channel in a product"] = (net, a) => net.Node("over", new Div(), net.Node("times", new Mul(), Vector(net, "factor", 3), a), Vector(net, "divisor", 4)),
        ["factor for all channels"] = (net, a) => net.Node("times", new Mul(), a, net.Scalar(0.3f)),
        ["gate"] = (net, a) => net.Node("gated", new Mul(), a, net.Node("gate", new Sigmoid(), net.Conv("down", net.Node("pool", new GlobalAveragePool(), a), Channels))),
        ["pools"] = (net, a) => net.Node("mean", new AveragePool { Window = new WindowAttributes { KernelShape = [2, 2] } }, net.Node("max", new MaxPool { Window = new WindowAttributes { KernelShape = [2, 2] } }, a)),
        ["mean over pixels"] = (net, a) => net.Node("mean", new ReduceMean([2, 3], KeepDims: true), a),
        ["pad with 0"] = (net, a) => net.Node("pad", new Pad(), a, net.Graph.AddConstant("amounts", Tensor.Vector(0L, 0, 1, 1, 0, 0, 1, 1))),
        ["split"] = (net, a) =>
        {
            var parts = net.Graph.AddNode(new Split(1, 2), [net.Node("join", new Concat(1), a, net.Conv("c", net.Input, Channels))], "split");
            return net.Add("sum", parts.Outputs[0], parts.Outputs[1]);
        },
        ["transposes and a matrix product"] = (net, a) =>
        {
            var product = net.Node("product", new MatMul(), net.Node("last", new Transpose([0, 2, 3, 1]), a), net.Graph.AddConstant("mix", Tensor.Create(new Shape(Channels, 6), Samples.Gaussian(5, Channels * 6))));
            return net.Node("first", new Transpose([0, 3, 1, 2]), product);
        },
        ["flatten of pixels"] = (net, a) => net.Node("image", new Unsqueeze([2, 3]), net.Gemm("fc", net.Node("flat", new Flatten(), a), 6)),
        ["transposed convolution"] = (net, a) => net.Graph.AddNode(new ConvTranspose(), [a, net.Graph.AddConstant("up", Tensor.Create(new Shape(Channels, 6, 2, 2), Samples.Gaussian(6, Channels * 24)))], "up").Output,
        ["one tensor for two biases"] = (net, a) => net.Graph.AddNode(new Conv(), [net.Relu("relu", a), net.Graph.AddConstant("again.weight", Tensor.Create(new Shape(Channels, Channels, 1, 1), Samples.Gaussian(7, Channels * Channels))), net.Graph.Find("a.bias")], "again").Output,
    };

    [Theory, MemberData(nameof(Networks))]
    public void The_network_computes_the_same_with_any_factors(string name)
    {
        var net = new TestNetwork(3, 6);
        net.Graph.AddOutput(net.Conv("last", s_networks[name](net, net.Conv("a", net.Input, Channels, 3)), 4));
        RequireSameWithFactors(net.Graph, "a:out", 1);
    }

    [Fact]
    public void The_result_of_layer_normalization_takes_factors()
    {
        var net = new TestNetwork(3, 6);
        var last = net.Node("last", new Transpose([0, 2, 3, 1]), net.Conv("a", net.Input, Channels));
        net.Node("norm", new LayerNormalization(), last, net.Graph.AddConstant("scale", Tensor.Vector<float>(Samples.Gaussian(1, Channels))), net.Graph.AddConstant("shift", Tensor.Vector<float>(Samples.Gaussian(2, Channels))));
        net.Graph.AddOutput(net.Node("product", new MatMul(), net.Graph.Find("norm:out")!, net.Graph.AddConstant("mix", Tensor.Create(new Shape(Channels, 6), Samples.Gaussian(5, Channels * 6)))));
        RequireSameWithFactors(net.Graph, "norm:out", 3);
    }

    [Theory]
    [InlineData("output", "'last:out' is an output of the network")]
    [InlineData("sigmoid", "Sigmoid 'f' passes no factor of a channel on")]
    [InlineData("hard swish", "HardSwish 'f' passes no factor of a channel on")]
    [InlineData("softmax", "Softmax 'f' passes no factor of a channel on")]
    [InlineData("product of computed values", "Mul 'f' passes no factor of a channel on")]
    [InlineData("layer normalization", "LayerNormalization 'f' passes no factor of a channel on")]
    [InlineData("clip away from 0", "Clip 'f' passes no factor of a channel on")]
    [InlineData("sum with a scalar", "Add 'f' passes no factor of a channel on")]
    [InlineData("grouped", "Conv 'f' passes no factor of a channel on")]
    [InlineData("mean over channels", "ReduceMean 'f' passes no factor of a channel on")]
    [InlineData("pad with 1", "Pad 'f' passes no factor of a channel on")]
    [InlineData("shared weight", "the weight 'a.weight' is read in several places")]
    public void Channels_stay_where_a_factor_would_change_the_result(string name, string reason)
    {
        var net = new TestNetwork(Channels, 6);
        var a = net.Conv("a", net.Input, Channels);
        Value F(Op op, params Value[] others) => net.Node("f", op, [a, .. others]);
        var f = name switch
        {
            "sigmoid" => F(new Sigmoid()),
            "hard swish" => F(new HardSwish()),
            "softmax" => F(new Softmax()),
            "product of computed values" => F(new Mul(), net.Conv("b", net.Input, Channels)),
            "layer normalization" => F(new LayerNormalization { Axis = 1 }, Vector(net, "scale", 1)),
            "clip away from 0" => F(new Clip(), net.Scalar(1), net.Scalar(2)),
            "sum with a scalar" => F(new Add(), net.Scalar(1)),
            "grouped" => net.Conv("f", a, Channels, groups: 2),
            "mean over channels" => F(new ReduceMean([1], KeepDims: true)),
            "pad with 1" => F(new Pad(), net.Graph.AddConstant("amounts", Tensor.Vector(0L, 0, 1, 1, 0, 0, 1, 1)), net.Scalar(1)),
            "shared weight" => net.Graph.AddNode(new Conv(), [net.Relu("relu", a), net.Graph.Find("a.weight")], "f").Output,
            _ => a,
        };
        net.Graph.AddOutput(net.Conv("last", f, 4));
        Assert.Equal(reason, ChannelClass.Of(net.Graph.Find(name == "output" ? "last:out" : "a:out")!, 1, ChannelChange.Factor).Fixed);
    }

    private static Value Vector(TestNetwork net, string name, int seed) => net.Graph.AddConstant(name, Tensor.Create(new Shape(Channels, 1, 1), Samples.Gaussian(seed, Channels)));

    private static void RequireSameWithFactors(Graph graph, string value, int axis)
    {
        var input = TestNetwork.Images(5, 2, 3, 6);
        var (before, inside) = Run(graph, input, value);
        var channels = ChannelClass.Of(graph.Find(value)!, axis, ChannelChange.Factor);
        Assert.Null(channels.Fixed);
        float[] factors = [.. Enumerable.Range(0, Channels).Select(c => 0.3f + 0.9f * c)];
        channels.Scale(graph, factors);
        GraphVerifier.Verify(graph);
        var (after, scaled) = Run(graph, input, value);
        var largest = before.Data.Max(Math.Abs);
        Assert.All(before.Data.Zip(after.Data), pair => Expect.That(Math.Abs(pair.First - pair.Second) <= 1e-5 * largest, $"{pair.First} became {pair.Second}"));
        var inner = inside.Shape.LengthOf(axis + 1, inside.Shape.Rank);
        for (var i = 0; i < inside.Length; i++) Assert.Equal(inside.Data[i] * factors[i / inner % Channels], scaled.Data[i], 1e-4 * (1 + Math.Abs(scaled.Data[i])));
    }

    private static (Tensor<float> Output, Tensor<float> Inside) Run(Graph graph, Tensor input, string name)
    {
        Tensor<float>? inside = null;
        var output = GraphInterpreter.Run(graph, [input], (value, tensor) => inside = value.Name == name ? tensor.As<float>() : inside)[0].As<float>();
        return (output, inside!);
    }
}
