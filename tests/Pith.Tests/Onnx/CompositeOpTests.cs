using Pith.Onnx;
using Pith.Ops;

namespace Pith.Tests.Onnx;

/// <summary>ONNX Runtime's own ops are read as graphs of ONNX's.</summary>
public class CompositeOpTests
{
    private const string Runtime = "com.microsoft";

    private static ModelBuilder Model(string domain, string op, Tensor?[] operands, params AttributeProto[] attributes)
    {
        var model = new ModelBuilder();
        if (domain.Length > 0) model.Proto.OpsetImport.Add(new OperatorSetIdProto { Domain = domain, Version = 1 });
        // The first operand is the graph's input, the others are constants.
        model.Input("x", operands[0]!.DataType, [.. operands[0]!.Shape.Dims.Select(dim => (object)dim)]);
        var names = operands.Select((operand, i) => operand is null ? "" : i == 0 ? "x" : $"c{i}").ToArray();
        for (var i = 1; i < operands.Length; i++)
            if (operands[i] is { } constant) model.Initializer(names[i], constant);
        model.Node(op, "node", names, ["y"], attributes).Output("y");
        model.Proto.Graph.Node[0].Domain = domain;
        return model;
    }

    private static Tensor Run(ModelBuilder model, Tensor x) => GraphInterpreter.Run(model.Load(), [x])[0];

    [Fact]
    public void QLinearAdd_is_an_Add_between_dequantized_operands()
    {
        var x = Tensor.Vector<byte>(10, 200, 255);
        var model = Model(Runtime, "QLinearAdd", [x, Tensor.Scalar(0.5f), Tensor.Scalar<byte>(10), Tensor.Vector<byte>(1, 2, 3), Tensor.Scalar(1f), Tensor.Scalar<byte>(1), Tensor.Scalar(0.25f), Tensor.Scalar<byte>(5)]);
        Assert.Equal(["node/a", "node/b", "node", "node/quantize"], model.Load().Nodes.Select(node => node.Name));
        // (0 + 0) / 0.25 + 5, (95 + 1) / 0.25 + 5 saturated, (122.5 + 2) / 0.25 + 5 saturated
        Assert.Equal([5, 255, 255], Run(model, x).As<byte>().Data);
        Assert.Equal("y", model.Load().Outputs[0].Name);
    }

    [Fact]
    public void An_absent_zero_point_is_a_zero_of_the_operands_type()
    {
        var x = Tensor.Vector<sbyte>(-100, 7);
        var y = Run(Model(Runtime, "QLinearLeakyRelu", [x, Tensor.Vector(1f), null, Tensor.Scalar(1f)], Attributes.Float("alpha", 0.5f)), x);
        Assert.Equal([-50, 7], y.As<sbyte>().Data);
    }

    [Fact]
    public void Channels_last_pools_are_transposed_around()
    {
        var x = Tensor.Create(new Shape(1, 2, 1, 2), new byte[] { 1, 10, 3, 30 });
        var model = Model(Runtime, "QLinearGlobalAveragePool", [x, Tensor.Scalar(1f), Tensor.Scalar<byte>(0), Tensor.Scalar(1f), Tensor.Scalar<byte>(0)], Attributes.Int("channels_last", 1));
        var y = Run(model, x);
        Assert.Equal(new Shape(1, 1, 1, 2), y.Shape);
        Assert.Equal([2, 20], y.As<byte>().Data);
    }

    [Theory]
    [InlineData("QLinearConv")]
    [InlineData("QLinearMatMul")]
    public void Integer_products_with_known_parameters_are_read_as_Q_DQ_graphs_with_the_same_integers(string op)
    {
        var random = new Random(1);
        Tensor Bytes(params int[] dims)
        {
            var data = new byte[new Shape(dims).Length];
            random.NextBytes(data);
            return Tensor.Create(new Shape(dims), data);
        }

        var conv = op == "QLinearConv";
        Tensor x = conv ? Bytes(2, 8, 5, 5) : Bytes(6, 32), weight = conv ? Bytes(4, 8, 3, 3) : Bytes(32, 4);
        var weightScale = Tensor.Vector(0.001f, 0.002f, 0.003f, 0.004f);
        Tensor[] operands = [x, Tensor.Scalar(0.02f), Tensor.Scalar<byte>(120), weight, weightScale, Tensor.Vector<byte>(128, 128, 128, 128), Tensor.Scalar(0.05f), Tensor.Scalar<byte>(100)];
        var graph = Model("", op, conv ? [.. operands, Tensor.Vector(1, -2, 3, 4)] : operands).Load();
        Assert.Contains(graph.Nodes, node => conv ? node.Op is Conv : node.Op is MatMul);
        // Weights around 128 are int8 around 0.
        Assert.Equal(DataType.Int8, Assert.Single(graph.Nodes, node => node.Name == "node/w").Input(0)!.Type.DataType);
        var expected = conv ? new QLinearConv().Evaluate([.. operands, Tensor.Vector(1, -2, 3, 4)], 1)[0] : new QLinearMatMul().Evaluate(operands, 1)[0];
        Assert.Equal(expected.As<byte>().Data, GraphInterpreter.Run(graph, [x])[0].As<byte>().Data);
    }

    [Fact]
    public void QGemm_without_a_result_scale_is_real()
    {
        var x = Tensor.Create(new Shape(1, 2), new byte[] { 3, 5 });
        Tensor?[] operands = [x, Tensor.Scalar(0.5f), Tensor.Scalar<byte>(1), Tensor.Create(new Shape(1, 2), new sbyte[] { 2, -4 }), Tensor.Scalar(0.25f), Tensor.Scalar<sbyte>(0), Tensor.Vector(8)];
        // 2 * ((2 * 2 + 4 * -4) * 0.125 + 8 * 0.125): c is in units of alpha * a scale * b scale
        Assert.Equal([-1f], Run(Model(Runtime, "QGemm", operands, Attributes.Int("transB", 1), Attributes.Float("alpha", 2)), x).As<float>().Data);
    }

    [Fact]
    public void Sixteen_bits_of_ONNX_Runtimes_domain_are_written_as_ONNXs_own()
    {
        var x = Tensor.Vector(0.5f, 100000);
        var model = Model(Runtime, "QuantizeLinear", [x, Tensor.Vector(0.5f), Tensor.Scalar<ushort>(7)]);
        Assert.Equal([8, 65535], Run(model, x).As<ushort>().Data);
        var written = ModelProto.Parser.ParseFrom(OnnxModel.ToBytes(model.Load()));
        Assert.Equal(("", 21), (written.Graph.Node[0].Domain, written.OpsetImport.Single().Version));
    }

    [Fact]
    public void A_fused_activation_is_a_node_of_its_own()
    {
        var x = Tensor.Create(new Shape(1, 1, 1, 2), new float[] { 1, -1 });
        var model = Model(Runtime, "FusedConv", [x, Tensor.Create(new Shape(1, 1, 1, 1), new float[] { 2 })], Attributes.Text("activation", "Relu"));
        Assert.Equal([2f, 0], Run(model, x).As<float>().Data);
        Assert.Contains("activation 'Softmax'", Model(Runtime, "FusedConv", [x, x], Attributes.Text("activation", "Softmax")).LoadError(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_node()
    {
        var x = Tensor.Vector<byte>(1);
        Assert.Contains("QLinearSigmoid 'node' (opset 1): expected 4 to 5 operands, got 1", Model(Runtime, "QLinearSigmoid", [x]).LoadError(), StringComparison.Ordinal);
        Assert.Contains("attribute 'beta'", Model(Runtime, "QLinearSigmoid", [x, Tensor.Scalar(1f), null, Tensor.Scalar(1f)], Attributes.Float("beta", 1)).LoadError(), StringComparison.Ordinal);
        Assert.Contains("'basic'", Model(Runtime, "QOrderedGelu", [x]).LoadError(), StringComparison.Ordinal);
        Assert.Contains("functions", Model("com.example", "Thing", [x]).LoadError(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(18)]
    [InlineData(21)]
    public void GroupNormalization_is_an_instance_normalization_of_groups(int opset)
    {
        // Each group holds 0 2 4 6 with other offsets; epsilon makes the deviation 5.
        var x = Tensor.Create(new Shape(1, 4, 1, 2), new float[] { 0, 2, 4, 6, 10, 12, 14, 16 });
        float[] scale = opset == 18 ? [5, 5] : [5, 10, 15, 20], bias = opset == 18 ? [2, 3] : [2, 0, 5, 0];
        var model = new ModelBuilder(opset).Input("x", "N", 4, 1, 2).Initializer("s", Tensor.Vector<float>(scale)).Initializer("b", Tensor.Vector<float>(bias))
            .Node("GroupNormalization", "gn", ["x", "s", "b"], ["y"], Attributes.Int("num_groups", 2), Attributes.Float("epsilon", 20)).Output("y");
        var y = GraphInterpreter.Run(model.Load(), [x])[0].As<float>().Data;
        var normalized = new[] { -3f, -1, 1, 3, -3, -1, 1, 3 }.Select(value => value / 5).ToArray();
        for (var i = 0; i < y.Length; i++)
        {
            var parameter = opset == 18 ? i / 4 : i / 2;
            Assert.Equal(normalized[i] * scale[parameter] + bias[parameter], y[i], 1e-5f);
        }
    }
}
