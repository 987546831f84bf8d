using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests.Passes;

public class SimplifyTests
{
    private readonly Graph _graph = new();
    private readonly Value _x;

    public SimplifyTests() => _x = _graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 2, 3, 3));

    private string[] Simplify(Value output, IReadOnlyList<Pass>? passes = null)
    {
        _graph.AddOutput(output);
        PassRunner.RunToFixpoint(_graph, passes ?? Pipelines.Simplify);
        return [.. _graph.Nodes.Select(node => node.Op.Schema.Name)];
    }

    private Node Conv(Value x, Value weight) => _graph.AddNode(new Conv(), [x, weight], "conv", ["conv:out"]);

    private Value Weight() => _graph.AddConstant("weight", Tensor.Create(new Shape(2, 2, 1, 1), new float[] { 1, 2, 3, 4 }));

    private Node BatchNorm(Value x, params float[] gamma) => _graph.AddNode(
        new BatchNormalization { Epsilon = 0 },
        [x, _graph.AddConstant("gamma", Tensor.Vector<float>(gamma)), _graph.AddConstant("beta", Tensor.Vector(1f, 1f)), _graph.AddConstant("mean", Tensor.Vector(2f, 2f)), _graph.AddConstant("variance", Tensor.Vector(4f, 4f))],
        "bn", ["bn:out"]);

    [Fact]
    public void Batch_norm_is_folded_into_weight_and_bias()
    {
        var bn = BatchNorm(Conv(_x, Weight()).Output, 2, -4);
        Assert.Equal(["Conv"], Simplify(bn.Output));
        var conv = _graph.Nodes[0];
        // f = gamma / sqrt(4) = [1, -2]; b = (0 - 2) * f + 1
        Assert.Equal([1f, 2f, -6f, -8f], conv.Inputs[1]!.Constant!.As<float>().Data);
        Assert.Equal([-1f, 5f], conv.Inputs[2]!.Constant!.As<float>().Data);
        Assert.Equal(("conv", "weight", "bn:out"), (conv.Name, conv.Inputs[1]!.Name, conv.Output.Name));
    }

    [Fact]
    public void Quantized_weights_keep_their_magnitudes_and_scales_stay_positive()
    {
        var integers = _graph.AddConstant("weight", Tensor.Create(new Shape(2, 2, 1, 1), new sbyte[] { 0, 127, -127, 5 }));
        var dequantized = _graph.AddNode(new DequantizeLinear { Axis = 0 }, [integers, _graph.AddConstant("scale", Tensor.Vector(0.5f, 0.25f))]).Output;
        var bn = BatchNorm(Conv(_x, dequantized).Output, 2, -4);
        Assert.Equal(["DequantizeLinear", "Conv"], Simplify(bn.Output));
        Assert.Equal([0, 127, 127, -5], _graph.Nodes[0].Inputs[0]!.Constant!.As<sbyte>().Data);
        Assert.Equal([0.5f, 0.5f], _graph.Nodes[0].Inputs[1]!.Constant!.As<float>().Data);
        Assert.Equal("weight", _graph.Nodes[0].Inputs[0]!.Name);
    }

    [Fact]
    public void Batch_norm_stays_when_training_needs_it_or_the_convolution_has_another_reader()
    {
        var bn = BatchNorm(Conv(_x, Weight()).Output, 2, -4);
        var copy = _graph.Clone();
        copy.AddOutput(copy.Find("bn:out")!);
        PassRunner.RunToFixpoint(copy, Pipelines.SimplifyKeepingBatchNorm);
        Assert.Equal(["conv", "bn"], copy.Nodes.Select(node => node.Name));

        _graph.AddOutput(_graph.Find("conv:out")!);
        Assert.Equal(["Conv", "BatchNormalization"], Simplify(bn.Output));
    }

    [Fact]
    public void A_weight_that_two_layers_share_is_copied_before_it_is_changed()
    {
        var weight = Weight();
        var first = BatchNorm(Conv(_x, weight).Output, 2, -4).Output;
        var second = _graph.AddNode(new Conv(), [first, weight], "second").Output;
        Simplify(second);
        Assert.Equal([1f, 2f, 3f, 4f], _graph.Nodes[1].Inputs[1]!.Constant!.As<float>().Data);
        Assert.Equal([1f, 2f, -6f, -8f], _graph.Nodes[0].Inputs[1]!.Constant!.As<float>().Data);
    }

    [Fact]
    public void Quantization_of_constants_stays_visible()
    {
        var scale = _graph.AddConstant("scale", Tensor.Scalar(0.1f));
        var zero = _graph.AddConstant("zero", Tensor.Scalar((sbyte)0));
        var quantized = _graph.Add(new QuantizeLinear(), Weight(), scale, zero);
        var names = Simplify(Conv(_x, _graph.Add(new DequantizeLinear(), quantized, scale, zero)).Output);
        Assert.Equal(["QuantizeLinear", "DequantizeLinear", "Conv"], names);
    }

    [Fact]
    public void A_computed_flatten_becomes_one_reshape_with_a_symbolic_batch()
    {
        var batch = _graph.Add(new Gather(0), _graph.Add(new ShapeOf(), _x), _graph.AddConstant("zero", Tensor.Scalar(0L)));
        var target = _graph.Add(new Concat(0), _graph.Add(new Unsqueeze([0]), batch), _graph.AddConstant("rest", Tensor.Vector(-1L)));
        Assert.Equal(["Reshape"], Simplify(_graph.Add(new Reshape(), _x, target)));
        Assert.Equal("f32[N,18]", _graph.Outputs[0].Type.ToString());
        Assert.Equal([0L, 18L], _graph.Nodes[0].Inputs[1]!.Constant!.ToInt64s());
    }

    [Fact]
    public void Zeros_are_not_expanded_to_gigabytes()
    {
        var shape = _graph.AddConstant("shape", Tensor.Vector(1L << 10, 1L << 10));
        Assert.Equal(["Expand"], Simplify(_graph.Add(new Expand(), _graph.AddConstant("zero", Tensor.Scalar(0f)), shape)));
    }

    [Fact]
    public void What_a_graph_returns_keeps_its_name_when_it_turns_out_to_be_an_input_or_a_constant()
    {
        _graph.AddOutput(_graph.AddNode(new Dropout(), [_x], "drop", ["same"]).Output);
        Simplify(_graph.AddNode(new Add(), [_graph.AddConstant("a", Tensor.Scalar(1f)), _graph.AddConstant("b", Tensor.Scalar(2f))], "sum", ["three"]).Output);
        Assert.Equal(["same", "three"], _graph.Outputs.Select(output => output.Name));
        Assert.Equal([3f], GraphInterpreter.Run(_graph, [Tensor.Zeros<float>(new Shape(1, 2, 3, 3))])[1].As<float>().Data);
    }

    [Fact]
    public void Equal_nodes_are_merged_and_equal_parameters_are_not()
    {
        var sum = _graph.Add(new Add(), _graph.Add(new Conv(), _x, Weight()), _graph.Add(new Conv(), _x, Weight()));
        var names = Simplify(_graph.Add(new Add(), sum, _graph.Add(new Sub(), _graph.Add(new Relu(), _x), _graph.Add(new Relu(), _x))));
        Assert.Equal(["Add", "Add", "Conv", "Conv", "Relu", "Sub"], names.Order(StringComparer.Ordinal));
    }
}
