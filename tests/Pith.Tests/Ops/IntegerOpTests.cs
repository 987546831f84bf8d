using Pith.Ops;

namespace Pith.Tests.Ops;

public class IntegerOpTests
{
    private static Tensor<sbyte> Int8(int seed, params int[] dims)
    {
        var random = new Random(seed);
        var tensor = Tensor.Zeros<sbyte>(new Shape(dims));
        for (var i = 0; i < tensor.Length; i++) tensor.Data[i] = (sbyte)random.Next(-128, 128);
        return tensor;
    }

    private static Tensor Dequantized(Tensor q, Tensor scale, Tensor zero, int axis) => new DequantizeLinear { Axis = axis }.Evaluate([q, scale, zero], 1)[0];

    [Fact]
    public void QLinearConv_equals_the_float_convolution_of_the_dequantized_operands()
    {
        var (x, w) = (Int8(1, 2, 4, 5, 5), Int8(2, 6, 2, 3, 3));
        var (xScale, wScale, yScale) = (Tensor.Scalar(0.5f), Tensor.Vector(0.25f, 0.125f, 0.25f, 0.5f, 0.25f, 0.125f), Tensor.Scalar(256f));
        var (xZero, wZero, yZero) = (Tensor.Scalar<sbyte>(3), Tensor.Vector<sbyte>(0, 1, -2, 0, 0, 5), Tensor.Scalar<byte>(100));
        var bias = Tensor.Vector(1000, -2000, 0, 7, 50, -50);
        var window = WindowAttributes.Uniform(3, 2, 1);
        var y = new QLinearConv { Window = window, Groups = 2 }.Evaluate([x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias], 1)[0];

        // Powers of two, so that the float path is exact and both round once.
        var floatBias = Tensor.Create(new Shape(6), bias.Data.Zip(wScale.Data, (b, s) => b * s * 0.5f).ToArray());
        var real = new Conv { Window = window, Groups = 2 }.Evaluate([Dequantized(x, xScale, xZero, 1), Dequantized(w, wScale, wZero, 0), floatBias], 1)[0];
        Assert.Equal(new QuantizeLinear().Evaluate([real, yScale, yZero], 1)[0].As<byte>().Data, y.As<byte>().Data);
    }

    [Fact]
    public void MatMulInteger_takes_zero_points_per_row_and_per_column()
    {
        var a = Tensor.Create(new Shape(2, 2), new byte[] { 1, 2, 3, 4 });
        var b = Tensor.Create(new Shape(2, 2), new byte[] { 5, 6, 7, 8 });
        var y = new MatMulInteger().Evaluate([a, b, Tensor.Vector<byte>(1, 3), Tensor.Vector<byte>(5, 6)], 1)[0];
        Assert.Equal([2, 2, 2, 2], y.As<int>().Data);
    }

    [Fact]
    public void Dynamic_quantization_keeps_zero_exact_and_survives_a_tensor_of_zeros()
    {
        var results = new DynamicQuantizeLinear().Evaluate([Tensor.Vector(-1f, 0, 4.1f)], 3);
        Assert.Equal(results[2].As<byte>().Data[0], results[0].As<byte>().Data[1]);
        Assert.Equal(255, results[0].As<byte>().Data[2]);
        Assert.Equal([0, 0], new DynamicQuantizeLinear().Evaluate([Tensor.Vector(0f, 0)], 3)[0].As<byte>().Data);
    }

    [Fact]
    public void The_quotient_that_does_not_fit_wraps_and_division_by_zero_is_an_error()
    {
        Assert.Equal([int.MinValue, -7], new Div().Evaluate([Tensor.Vector(int.MinValue, 7), Tensor.Vector(-1, -1)], 1)[0].As<int>().Data);
        Assert.Equal([long.MinValue], new Div().Evaluate([Tensor.Vector(long.MinValue), Tensor.Vector(-1L)], 1)[0].As<long>().Data);
        Assert.Equal([-128], new Div().Evaluate([Tensor.Vector<sbyte>(-128), Tensor.Vector<sbyte>(-1)], 1)[0].As<sbyte>().Data);
        Assert.Equal([0], new Mod().Evaluate([Tensor.Vector(int.MinValue), Tensor.Vector(-1)], 1)[0].As<int>().Data);
        Assert.Equal([0L], new Mod(Truncated: true).Evaluate([Tensor.Vector(long.MinValue), Tensor.Vector(-1L)], 1)[0].As<long>().Data);
        foreach (var op in new Op[] { new Div(), new Mod(), new Mod(Truncated: true) })
            Assert.Contains("divided by zero", Assert.Throws<PithException>(() => op.Evaluate([Tensor.Vector(1), Tensor.Vector(0)], 1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_magnitude_of_the_smallest_integer_wraps()
    {
        Assert.Equal([int.MinValue, 3], new Abs().Evaluate([Tensor.Vector(int.MinValue, -3)], 1)[0].As<int>().Data);
        Assert.Equal([-128], new Neg().Evaluate([Tensor.Vector<sbyte>(-128)], 1)[0].As<sbyte>().Data);
        Assert.Equal([uint.MaxValue], new Abs().Evaluate([Tensor.Vector(uint.MaxValue)], 1)[0].As<uint>().Data);
    }

    [Fact]
    public void Clip_takes_bounds_that_are_vectors_of_one_element()
    {
        var x = Tensor.Create(new Shape(), new[] { 5f });
        var clipped = new Clip().Evaluate([x, Tensor.Vector(0f), Tensor.Vector(3f)], 1)[0];
        Assert.Equal((0, 3f), (clipped.Shape.Rank, clipped.As<float>().Data[0]));
        var (_, reader) = OpForms.Read("Clip", 13, [], null, Tensor.Vector(0f), Tensor.Vector(3f));
        Assert.All(reader.ReplacedInputs.Values, bound => Assert.Equal(0, bound!.Shape.Rank));
    }
}
