using Pith.Ops;
using Pith.Tests.Gradients;

namespace Pith.Tests;

/// <summary>A network of a fixed size, built anew for another, is the network that an exporter would have written for that size.</summary>
public class ImageResizingTests
{
    [Theory]
    [InlineData(48, 16)]
    [InlineData(16, 16)]
    [InlineData(32, 80)]
    public void What_a_file_fixes_follows_the_size(int height, int width)
    {
        var resized = ImageResizing.Resize(Network(32, 32), height, width);
        var written = Network(height, width);
        Assert.Equal(written.Outputs.Select(output => output.Type), resized.Outputs.Select(output => output.Type));
        Assert.Equal(written.Nodes.Select(node => node.Name), resized.Nodes.Select(node => node.Name));
        var x = GradientCheck.Random(1, new Shape(1, 3, height, width));
        var expected = GraphInterpreter.Run(written, [x]);
        var actual = GraphInterpreter.Run(resized, [x]);
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i].As<float>().Data, actual[i].As<float>().Data);
    }

    [Fact]
    public void Its_own_size_leaves_a_network_as_it_is()
    {
        var network = Network(32, 32);
        Assert.Equal(network.ToString(), ImageResizing.Resize(network, 32, 32).ToString());
    }

    [Fact]
    public void A_layer_over_all_pixels_is_named()
    {
        var graph = new Graph("dense");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 8, 8));
        graph.AddOutput(graph.AddNode(new Gemm(), [graph.Add(new Flatten(), x), graph.AddConstant("w", Tensor.Zeros<float>(new Shape(192, 10)))], "head").Output);
        var failure = Assert.Throws<PithException>(() => ImageResizing.Resize(graph, 16, 8));
        Assert.Contains("'head'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("images of 8x8 only, not of 8x16", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_size_that_is_taken_apart_is_refused()
    {
        var graph = new Graph("windows");
        var x = graph.AddInput("x", TensorType.Float32(1, 4, 8, 8));
        graph.AddOutput(graph.Add(new Reshape(), x, graph.AddConstant("shape", Tensor.Vector<long>(1, 4, 2, 4, 2, 4))));
        Assert.Contains("which part grows", Assert.Throws<PithException>(() => ImageResizing.Resize(graph, 16, 16)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_network_without_images_is_refused()
    {
        var graph = new Graph("vector");
        graph.AddOutput(graph.Add(new Relu(), graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 10))));
        Assert.Contains("no image input", Assert.Throws<PithException>(() => ImageResizing.Resize(graph, 16, 16)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Channels_may_come_last()
    {
        var graph = new Graph("nhwc");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 8, 12, 3));
        graph.AddOutput(graph.Add(new Relu(), x));
        Assert.Equal("f32[N,20,16,3]", ImageResizing.Resize(graph, 20, 16).Outputs[0].Type.ToString());
    }

    // Every form in which a file fixes sizes: pooling over all pixels by its window, shapes of Reshape, sizes of Resize, from a feature map and from one pixel.
    private static Graph Network(int height, int width)
    {
        var (h, w) = (height / 4, width / 4);
        var graph = new Graph("net");
        var x = graph.AddInput("x", TensorType.Float32(1, 3, height, width));
        var weight = graph.AddConstant("weight", GradientCheck.Random(2, new Shape(8, 3, 4, 4)));
        var features = graph.AddNode(new Conv { Window = new WindowAttributes { Strides = [4, 4] } }, [x, weight], "conv").Output;
        var tokens = graph.AddNode(new Reshape(), [features, graph.AddConstant("tokens", Tensor.Vector<long>(0, 2, 4, h * w))], "tokens").Output;
        graph.AddOutput(graph.AddNode(new Softmax(), [graph.AddNode(new Reshape(), [tokens, graph.AddConstant("back", Tensor.Vector<long>(-1, 8, h * w))], "merged").Output], "softmax").Output);
        // For its own size a window over all pixels is what it was; for another it is the global op, which is the same sum.
        var pooled = graph.AddNode(new AveragePool { Window = WindowAttributes.Uniform(1) with { KernelShape = [h, w] } }, [features], "pool").Output;
        var context = graph.AddNode(new Resize { Mode = ResizeMode.Nearest }, [pooled, null, null, graph.AddConstant("map", Tensor.Vector<long>(1, 8, h, w))], "spread").Output;
        var sum = graph.AddNode(new Add(), [features, context], "sum").Output;
        graph.AddOutput(graph.AddNode(new Resize { Mode = ResizeMode.Linear }, [sum, null, null, graph.AddConstant("full", Tensor.Vector<long>(1, 8, height, width))], "upsample").Output);
        return graph;
    }
}
