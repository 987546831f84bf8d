using Pith.Ops;

namespace Pith.Tests.Ops;

public class QuantizationOpTests
{
    [Fact]
    public void Quantization_rounds_ties_to_even_and_saturates()
    {
        var x = Tensor.Vector(0.5f, 1.5f, -0.5f, -2.5f, 300, -300);
        var q = new QuantizeLinear().Evaluate([x, Tensor.Scalar(1f), Tensor.Scalar<sbyte>(0)], 1)[0];
        Assert.Equal([0, 2, 0, -2, 127, -128], q.As<sbyte>().Data);
    }

    [Fact]
    public void Nan_becomes_the_smallest_value()
    {
        var x = Tensor.Vector(float.NaN, 1);
        Assert.Equal([-128, 1], new QuantizeLinear().Evaluate([x, Tensor.Scalar(1f), Tensor.Scalar<sbyte>(0)], 1)[0].As<sbyte>().Data);
        Assert.Equal([0, 8], new QuantizeLinear().Evaluate([x, Tensor.Scalar(1f), Tensor.Scalar<byte>(7)], 1)[0].As<byte>().Data);
    }

    [Fact]
    public void Scales_per_channel_follow_the_axis()
    {
        var x = Tensor.Create(new Shape(2, 2), new float[] { 1, 2, 3, 4 });
        var scale = Tensor.Vector(1f, 2f);
        var zero = Tensor.Vector<byte>(10, 20);
        Assert.Equal([11, 12, 22, 22], new QuantizeLinear { Axis = 0 }.Evaluate([x, scale, zero], 1)[0].As<byte>().Data);
        Assert.Equal([11, 21, 13, 22], new QuantizeLinear { Axis = 1 }.Evaluate([x, scale, zero], 1)[0].As<byte>().Data);
    }

    [Fact]
    public void Dequantization_of_a_blocked_tensor_uses_one_scale_per_block()
    {
        var q = Tensor.Create(new Shape(1, 5), new sbyte[] { 1, 2, 3, 4, 5 });
        var y = new DequantizeLinear { BlockSize = 2 }.Evaluate([q, Tensor.Create(new Shape(1, 3), new float[] { 1, 10, 100 })], 1)[0];
        Assert.Equal([1f, 2, 30, 40, 500], y.As<float>().Data);
    }

    [Fact]
    public void A_scale_of_zero_dequantizes_to_zeros_and_quantizes_to_the_ends_of_the_range()
    {
        var scale = Tensor.Scalar(0f);
        Assert.Equal([0f, 0, 0], new DequantizeLinear().Evaluate([Tensor.Create(new Shape(3), new sbyte[] { -128, 0, 127 }), scale], 1)[0].As<float>().Data);
        Assert.Equal(new sbyte[] { -128, 127 }, new QuantizeLinear().Evaluate([Tensor.Vector(-2f, 1e-30f), scale, Tensor.Scalar((sbyte)0)], 1)[0].As<sbyte>().Data);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(-1f)]
    [InlineData(1e-44f)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Any_scale_is_part_of_a_graph(float scale)
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(4));
        graph.AddOutput(graph.Add(new QuantizeLinear(), x, graph.AddConstant("s", Tensor.Scalar(scale))));
        Assert.Equal(DataType.UInt8, GraphInterpreter.Run(graph, [Tensor.Vector(1f, 2, -3, 0)])[0].DataType);
    }

    [Fact]
    public void One_element_is_per_tensor_in_a_vector_and_in_a_scalar_but_a_vector_of_scales_needs_a_vector_of_zero_points()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2, 2));
        var (one, two, zero) = (graph.AddConstant("one", Tensor.Vector(0.5f)), graph.AddConstant("two", Tensor.Vector(0.5f, 1)), graph.AddConstant("zero", Tensor.Scalar((sbyte)3)));
        graph.AddOutput(graph.Add(new QuantizeLinear(), x, one, zero));
        Assert.Equal(new sbyte[] { 5, 7, 1, 3 }, GraphInterpreter.Run(graph, [Tensor.Create(new Shape(2, 2), [1f, 2, -1, 0])])[0].As<sbyte>().Data);
        Assert.Contains("the shape of the scale", Assert.Throws<PithException>(() => graph.Add(new QuantizeLinear(), x, two, zero)).Message, StringComparison.Ordinal);
    }
}
