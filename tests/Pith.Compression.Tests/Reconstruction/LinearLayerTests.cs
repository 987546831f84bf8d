using Pith.Compression.Reconstruction;
using Pith.Ops;

namespace Pith.Compression.Tests;

public sealed class LinearLayerTests
{
    public static TheoryData<string, Func<Graph, Value, Node>, int[]> Layers => new()
    {
        { "3x3", (graph, x) => Conv(graph, x, new Conv { Window = WindowAttributes.Uniform(3, pad: 1) with { KernelShape = [] } }, 5, 6, 3, 3), [2, 6, 7, 5] },
        { "3x3, stride 2, dilation 2, uneven padding", (graph, x) => Conv(graph, x, new Conv { Window = new WindowAttributes { Strides = [2, 1], Dilations = [2, 1], Pads = [0, 1, 2, 0] } }, 4, 3, 3, 2), [1, 3, 9, 6] },
        { "two groups", (graph, x) => Conv(graph, x, new Conv { Groups = 2 }, 6, 4, 1, 1), [2, 8, 3, 3] },
        { "depthwise", (graph, x) => Conv(graph, x, new Conv { Groups = 4, Window = new WindowAttributes { AutoPad = AutoPad.SameUpper, Strides = [2, 2] } }, 4, 1, 3, 3), [1, 4, 5, 6] },
        { "one axis", (graph, x) => Conv(graph, x, new Conv { Window = new WindowAttributes { Pads = [1, 1] } }, 3, 2, 3), [2, 2, 8] },
        { "three axes", (graph, x) => Conv(graph, x, new Conv(), 2, 3, 2, 1, 2), [1, 3, 3, 2, 4] },
        { "Gemm (K, C)", (graph, x) => graph.AddNode(new Gemm { TransB = true }, [x, Weight(graph, 5, 8)], "layer"), [3, 8] },
        { "Gemm (C, K)", (graph, x) => graph.AddNode(new Gemm(), [x, Weight(graph, 8, 5)], "layer"), [3, 8] },
        { "MatMul of tokens", (graph, x) => graph.AddNode(new MatMul(), [x, Weight(graph, 8, 5)], "layer"), [2, 4, 8] },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Samples_times_weights_are_the_layers_results(string name, Func<Graph, Value, Node> make, int[] sizes)
    {
        var random = new Random(11);
        var shape = new Shape(sizes);
        var graph = new Graph(name);
        var x = graph.AddInput("x", new TensorType(DataType.Float32, [.. sizes.Select(size => (Dim)size)]));
        var node = make(graph, x);
        graph.AddOutput(node.Output);
        var data = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => random.NextSingle() - 0.5f).ToArray());
        var results = (Tensor<float>)GraphInterpreter.Run(graph, [data])[0];

        var (layer, reason) = LinearLayer.Of(node);
        Assert.True(layer is not null, reason);
        var weight = (Tensor<float>)layer.Weight.Constant.Constant!;
        for (var group = 0; group < layer.Groups; group++)
            for (var image = 0; image < sizes[0]; image++)
            {
                int[] places = [.. Enumerable.Range(0, layer.SamplesPerImage(data))];
                var (inputs, outputs) = (new SampleMatrix(layer.Columns, places.Length), new SampleMatrix(layer.Rows, places.Length));
                layer.Gather(data, image, places, group, inputs);
                layer.GatherResults(results, image, places, group, outputs);
                for (var s = 0; s < places.Length; s++)
                    for (var row = 0; row < layer.Rows; row++)
                    {
                        double sum = 0;
                        for (var column = 0; column < layer.Columns; column++) sum += (double)inputs.Row(s)[column] * weight.Data[layer.IndexOf(group, row, column)];
                        Assert.Equal(sum, outputs.Row(s)[row], 1e-5);
                    }
            }
    }

    [Fact]
    public void Four_neighbouring_columns_are_a_quad_along_the_input_channels()
    {
        var graph = new Graph("quads");
        var x = graph.AddInput("x", TensorType.Float32(1, 8, 4, 4));
        var (layer, _) = LinearLayer.Of(Conv(graph, x, new Conv(), 2, 8, 3, 3));
        var first = Enumerable.Range(0, 4).Select(column => layer!.IndexOf(0, 1, 8 * 5 + column)).ToArray();
        Assert.Equal([8 * 9 + 5, 8 * 9 + 9 + 5, 8 * 9 + 18 + 5, 8 * 9 + 27 + 5], first);
    }

    private static Node Conv(Graph graph, Value x, Conv op, params int[] weight) => graph.AddNode(op, [x, Weight(graph, weight)], "layer");

    private static Value Weight(Graph graph, params int[] sizes)
    {
        var random = new Random(5);
        var shape = new Shape(sizes);
        return graph.AddConstant("weight", Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => random.NextSingle() - 0.5f).ToArray()));
    }
}
