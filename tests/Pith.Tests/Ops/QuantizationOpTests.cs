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
    public void One_number_is_per_tensor_as_a_scalar_and_as_a_vector()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(4, 3));
        foreach (var scale in new Tensor[] { Tensor.Scalar(0.5f), Tensor.Vector(0.5f) })
        foreach (var zero in new Tensor[] { Tensor.Scalar<sbyte>(1), Tensor.Vector<sbyte>(1) })
        {
            var q = graph.Add(new QuantizeLinear(), x, graph.AddConstant("s", scale), graph.AddConstant("z", zero));
            Assert.Equal("s8[4,3]", q.Type.ToString());
            Assert.Equal([3], new QuantizeLinear().Evaluate([Tensor.Vector(1f), scale, zero], 1)[0].As<sbyte>().Data);
            Assert.Equal([1f], new DequantizeLinear().Evaluate([Tensor.Vector<sbyte>(3), scale, zero], 1)[0].As<float>().Data);
        }
        var perChannel = graph.AddConstant("s", Tensor.Vector(1f, 2f, 3f));
        Assert.Contains("shape of the scale", Assert.Throws<PithException>(() => graph.Add(new QuantizeLinear(), x, perChannel, graph.AddConstant("z", Tensor.Scalar<sbyte>(0)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dead_channel_has_scale_zero_and_is_dequantized_to_zeros()
    {
        var graph = new Graph();
        var q = graph.AddConstant("w", Tensor.Create(new Shape(2, 2), new sbyte[] { 1, 2, 0, 5 }));
        var scale = Tensor.Vector(0.5f, 0f);
        var y = graph.Add(new DequantizeLinear { Axis = 0 }, q, graph.AddConstant("s", scale));
        graph.AddOutput(y);
        Assert.Equal([0.5f, 1, 0, 0], GraphInterpreter.Run(graph, [])[0].As<float>().Data);
        foreach (var wrong in new[] { -1f, float.NaN, float.PositiveInfinity })
            Assert.Contains("positive or 0 and finite", Assert.Throws<PithException>(() => graph.Add(new DequantizeLinear(), q, graph.AddConstant("s", Tensor.Scalar(wrong)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Quantizing_with_a_scale_of_zero_is_refused()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(4));
        var failure = Assert.Throws<PithException>(() => graph.Add(new QuantizeLinear(), x, graph.AddConstant("s", Tensor.Scalar(0f))));
        Assert.Contains("positive", failure.Message, StringComparison.Ordinal);
    }
}
