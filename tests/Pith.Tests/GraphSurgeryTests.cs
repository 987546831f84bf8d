using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests;

/// <summary>Cut, reshaped and stripped networks compute what the interpreter says the whole one does.</summary>
public sealed class GraphSurgeryTests
{
    [Fact]
    public void A_part_between_two_tensors_computes_what_the_whole_does_there()
    {
        var graph = Network();
        var seen = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var x = Random(1, 2, 3, 8, 8);
        GraphInterpreter.Run(graph, [x], (value, tensor) => seen[value.Name] = tensor);
        var part = Subgraph.Extract(graph, ["a"], ["sum", "c"]);
        Assert.Equal(["a"], part.Inputs.Select(input => input.Name));
        Assert.Equal(["sum", "c"], part.Outputs.Select(output => output.Name));
        GraphVerifier.Verify(part);
        var results = GraphInterpreter.Run(part, [seen["a"]]);
        Assert.Equal(Data(seen["sum"]), Data(results[0]));
        Assert.Equal(Data(seen["c"]), Data(results[1]));
        Assert.DoesNotContain(part.Constants, constant => constant.Name is "w0" or "fc");
    }

    [Fact]
    public void Without_inputs_named_the_networks_own_are_kept()
    {
        var part = Subgraph.Extract(Network(), [], ["b"]);
        Assert.Equal(["x"], part.Inputs.Select(input => input.Name));
        Assert.Equal(3, part.Nodes.Count);
    }

    [Theory]
    [InlineData("nosuch", "sum", "no tensor 'nosuch'")]
    [InlineData("w0", "sum", "is a constant")]
    [InlineData("b", "sum", "also need the input 'x'")]
    [InlineData("c", "b", "also need the input 'x'")]
    [InlineData("sum", "sum", "input and output at once")]
    public void A_cut_that_cannot_be_is_refused(string from, string to, string message) =>
        Assert.Contains(message, Assert.Throws<PithException>(() => Subgraph.Extract(Network(), [from], [to])).Message, StringComparison.Ordinal);

    [Fact]
    public void An_input_that_does_not_lead_to_the_outputs_is_refused() =>
        Assert.Contains("does not lead to", Assert.Throws<PithException>(() => Subgraph.Extract(Network(), ["a", "c"], ["b"])).Message, StringComparison.Ordinal);

    [Fact]
    public void Input_shapes_are_set_and_everything_is_inferred_anew()
    {
        var graph = InputShapes.Set(Network(), new Dictionary<string, ValueList<Dim>> { ["x"] = [Dim.Named("batch"), 3, 16, 16] });
        GraphVerifier.Verify(graph);
        Assert.Equal("f32[batch,3,16,16]", graph.Inputs[0].Type.ToString());
        Assert.Equal("f32[batch,5]", graph.Outputs[0].Type.ToString());
        var x = Random(2, 3, 3, 16, 16);
        Assert.Equal(Data(GraphInterpreter.Run(Network(size: 16), [x])[0]), Data(GraphInterpreter.Run(graph, [x])[0]));
    }

    [Fact]
    public void A_symbol_that_one_input_fixes_is_fixed_in_the_others()
    {
        var graph = new Graph();
        var (a, b) = (graph.AddInput("a", TensorType.Float32(Dim.Named("N"), 4)), graph.AddInput("b", TensorType.Float32(Dim.Named("N"), 4)));
        graph.AddOutput(graph.Add(new Add(), a, b));
        Assert.Equal("f32[7,4]", InputShapes.Set(graph, new Dictionary<string, ValueList<Dim>> { ["a"] = [7, 4] }).Inputs[1].Type.ToString());
        Assert.Throws<PithException>(() => InputShapes.Set(graph, new Dictionary<string, ValueList<Dim>> { ["a"] = [7, 4], ["b"] = [8, 4] }));
    }

    [Theory]
    [InlineData("y", "has no input 'y'")]
    [InlineData("x", "4 dimensions, 2 were given")]
    public void Shapes_that_do_not_fit_are_refused(string name, string message) =>
        Assert.Contains(message, Assert.Throws<PithException>(() => InputShapes.Set(Network(), new Dictionary<string, ValueList<Dim>> { [name] = [1, 3] })).Message, StringComparison.Ordinal);

    [Fact]
    public void A_network_that_cannot_have_the_shape_says_which_node_refuses() =>
        Assert.Contains("'conv0'", Assert.Throws<PithException>(() => InputShapes.Set(Network(), new Dictionary<string, ValueList<Dim>> { ["x"] = [1, 4, 8, 8] })).Message, StringComparison.Ordinal);

    [Fact]
    public void Stripped_weights_are_the_floats_that_the_integers_stand_for()
    {
        // All values are multiples of the scale, so that the pairs round nothing.
        var quantized = new Graph();
        var x = quantized.AddInput("x", TensorType.Float32(Dim.Named("N"), 4));
        var (scale, zero) = (quantized.AddConstant("s", Tensor.Scalar(0.5f)), quantized.AddConstant("z", Tensor.Scalar((sbyte)0)));
        var data = quantized.Add(new DequantizeLinear(), quantized.Add(new QuantizeLinear(), x, scale, zero), scale, zero);
        var scales = quantized.AddConstant("ws", Tensor.Vector(0.25f, 2f, 1f));
        var weight = quantized.Add(new DequantizeLinear { Axis = 0 }, quantized.AddConstant("w", Tensor.Create(new Shape(3, 4), Enumerable.Range(-6, 12).Select(i => (sbyte)i).ToArray())), scales, quantized.AddConstant("wz", Tensor.Vector<sbyte>(0, 0, 0)));
        var y = quantized.AddNode(new Gemm { TransB = true }, [data, weight], "fc", ["y"]).Output;
        var back = quantized.AddNode(new DequantizeLinear(), [quantized.Add(new QuantizeLinear(), y, scale, zero), scale, zero], "dq", ["result"]).Output;
        quantized.AddOutput(back);

        var stripped = QdqRemoval.Of(quantized);
        GraphVerifier.Verify(stripped);
        Assert.Equal(["Gemm"], stripped.Nodes.Select(node => node.Op.Schema.Name));
        Assert.Equal(["x", "result"], stripped.Inputs.Concat(stripped.Outputs).Select(value => value.Name));
        var input = Tensor.Create(new Shape(2, 4), new[] { 1f, -0.5f, 2, 0, 0.5f, 1.5f, -2, 3 });
        // What the last pair clips or rounds is seen before it.
        Tensor? before = null;
        GraphInterpreter.Run(quantized, [input], (value, tensor) => before = value.Name == "y" ? tensor : before);
        Assert.Equal(Data(before!), Data(GraphInterpreter.Run(stripped, [input])[0]));
    }

    [Fact]
    public void Stripping_looks_through_ops_that_move_integers_and_keeps_integer_inputs()
    {
        var graph = new Graph();
        var (x, bytes) = (graph.AddInput("x", TensorType.Float32(2, 4)), graph.AddInput("bytes", new TensorType(DataType.UInt8, [4, 2])));
        var scale = graph.AddConstant("s", Tensor.Scalar(0.5f));
        var (zero, byteZero) = (graph.AddConstant("z", Tensor.Scalar((sbyte)0)), graph.AddConstant("bz", Tensor.Scalar((byte)0)));
        var turned = graph.Add(new Transpose([1, 0]), graph.Add(new QuantizeLinear(), x, scale, zero));
        graph.AddOutput(graph.AddNode(new Add(), [graph.Add(new DequantizeLinear(), turned, scale, zero), graph.Add(new DequantizeLinear(), bytes, scale, byteZero)], "add", ["y"]).Output);
        var stripped = QdqRemoval.Of(graph);
        Assert.Equal(["Transpose", "DequantizeLinear", "Add"], stripped.Nodes.Select(node => node.Op.Schema.Name));
        Tensor[] inputs = [Tensor.Create(new Shape(2, 4), Enumerable.Range(0, 8).Select(i => i * 0.5f).ToArray()), Tensor.Create(new Shape(4, 2), Enumerable.Range(0, 8).Select(i => (byte)i).ToArray())];
        Assert.Equal(Data(GraphInterpreter.Run(graph, inputs)[0]), Data(GraphInterpreter.Run(stripped, inputs)[0]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gelu_is_written_with_older_ops(bool tanh)
    {
        var graph = new Graph();
        graph.AddOutput(graph.AddNode(new Gelu(tanh), [graph.AddInput("x", TensorType.Float32(64))], "act", ["y"]).Output);
        var x = Tensor.Create(new Shape(64), Enumerable.Range(-32, 64).Select(i => i / 8f).ToArray());
        var expected = Data(GraphInterpreter.Run(graph, [x])[0]);
        Assert.Equal(1, new ExpandGelu().Apply(graph));
        GraphVerifier.Verify(graph);
        Assert.Equal(17, OnnxModel.ContentsOf(graph).Opset);
        Assert.Equal("y", graph.Outputs[0].Name);
        var got = Data(GraphInterpreter.Run(graph, [x])[0]);
        for (var i = 0; i < got.Length; i++) Assert.Equal(expected[i], got[i], 2e-6f);
    }

    /// <summary>x → conv0 → a → relu → b; a → conv1 → c; sum = b + c → pool → fc.</summary>
    private static Graph Network(int size = 8)
    {
        var graph = new Graph("net");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, size, size));
        var window = new WindowAttributes { Pads = [1, 1, 1, 1] };
        var a = graph.AddNode(new Conv { Window = window }, [x, graph.AddConstant("w0", Random(3, 4, 3, 3, 3))], "conv0", ["a"]).Output;
        var b = graph.AddNode(new Relu(), [graph.AddNode(new Neg(), [a], "neg", ["n"]).Output], "relu", ["b"]).Output;
        var c = graph.AddNode(new Conv { Window = window }, [a, graph.AddConstant("w1", Random(4, 4, 4, 3, 3))], "conv1", ["c"]).Output;
        var sum = graph.AddNode(new Add(), [b, c], "add", ["sum"]).Output;
        var flat = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), sum));
        graph.AddOutput(graph.AddNode(new Gemm { TransB = true }, [flat, graph.AddConstant("fc", Random(5, 5, 4))], "gemm", ["y"]).Output);
        return graph;
    }

    private static Tensor<float> Random(int seed, params int[] dims)
    {
        var random = new Random(seed);
        var shape = new Shape(dims);
        return Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => random.NextSingle() - 0.5f).ToArray());
    }

    private static float[] Data(Tensor tensor) => tensor.As<float>().Data;
}
