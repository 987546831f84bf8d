using Pith.Onnx;
using Pith.Ops;
using Pith.Tests.Onnx;

namespace Pith.Tests.Tensors;

public class SmallElementTests
{
    [Theory]
    [InlineData(DataType.Float8E4M3)]
    [InlineData(DataType.Float8E5M2)]
    public void Every_8_bit_float_survives_the_way_through_float(DataType type)
    {
        var all = Tensor.Zeros(type, new Shape(256));
        for (var code = 0; code < 256; code++) all.Bytes[code] = (byte)code;
        var numbers = all.ConvertTo(DataType.Float32).As<float>().Data;
        var back = Tensor.Create(new Shape(256), numbers).ConvertTo(type).Bytes.ToArray();
        for (var code = 0; code < 256; code++)
            if (float.IsFinite(numbers[code])) Assert.Equal(code, back[code]);
    }

    [Theory]
    [InlineData(0f, 0f, 0f)]
    [InlineData(448f, 448, 448)]
    [InlineData(1000f, 448, 1024)]
    [InlineData(-1e9f, -448, -57344)]
    [InlineData(float.PositiveInfinity, 448, 57344)]
    [InlineData(1.0625f, 1, 1)] // a tie of e4m3 goes to the even mantissa
    [InlineData(1.1875f, 1.25f, 1.25f)]
    [InlineData(0.0009765625f, 0, 0.0009765625f)] // half of e4m3's smallest, 2^-9
    [InlineData(0.0029296875f, 0.00390625f, 0.0029296875f)] // 1.5 * 2^-9
    [InlineData(float.NaN, float.NaN, float.NaN)]
    public void Floats_are_rounded_to_the_nearest_8_bit_float_and_saturate(float x, float e4m3, float e5m2)
    {
        Assert.Equal(e4m3, (Float8E4M3)x);
        Assert.Equal(e5m2, (Float8E5M2)x);
    }

    [Fact]
    public void Bfloat16_is_rounded_to_even()
    {
        Assert.Equal(1f, (BFloat16)1.00390625f); // halfway to the next, 1.0078125
        Assert.Equal(1.015625f, (BFloat16)1.01171875f);
        Assert.Equal(float.NegativeInfinity, (BFloat16)float.NegativeInfinity);
        Assert.True(float.IsNaN((BFloat16)float.NaN));
    }

    [Theory]
    [InlineData(DataType.Int4, new[] { 0, 7, -8, -1, 5 })]
    [InlineData(DataType.UInt4, new[] { 0, 15, 8, 1, 5 })]
    public void Four_bits_are_packed_in_files_only(DataType type, int[] values)
    {
        var tensor = Tensor.Vector<int>(values).ConvertTo(type);
        Assert.Equal(5, tensor.Bytes.Length);
        var proto = TensorWriter.Write(tensor, "t");
        Assert.Equal(3, proto.RawData.Length);
        Assert.Equal(values, TensorReader.Read(proto, "t", ExternalData.None).ConvertTo(DataType.Int32).As<int>().Data);
        var typed = new TensorProto { DataType = (int)type, Dims = { 5 }, Int32Data = { proto.RawData.Select(packed => (int)packed) } };
        Assert.Equal(values, TensorReader.Read(typed, "t", ExternalData.None).ConvertTo(DataType.Int32).As<int>().Data);
    }

    [Fact]
    public void Quantization_to_four_bits_saturates_and_takes_opset_21()
    {
        var x = Tensor.Vector<float>(-100f, -0.5f, 1.5f, 100f);
        var model = new ModelBuilder(opset: 21).Input("x", 4).Initializer("s", Tensor.Scalar(1f)).Initializer("z", Tensor.Scalar(-1).ConvertTo(DataType.Int4))
            .Node("QuantizeLinear", "q", ["x", "s", "z"], ["q"]).Node("DequantizeLinear", "d", ["q", "s", "z"], ["y"]).Output("q", "y");
        var results = GraphInterpreter.Run(model.Load(), [x]);
        Assert.Equal([-8, -1, 1, 7], results[0].ConvertTo(DataType.Int32).As<int>().Data);
        Assert.Equal([-7f, 0, 2, 8], results[1].As<float>().Data);
        Assert.Equal(21, ModelProto.Parser.ParseFrom(OnnxModel.ToBytes(model.Load())).OpsetImport[0].Version);
    }

    [Fact]
    public void Quantization_to_8_bit_floats_divides_and_rounds()
    {
        var q = new QuantizeLinear().Evaluate([Tensor.Vector<float>(1f, 2000, -3), Tensor.Scalar(2f), Tensor.Scalar(0f).ConvertTo(DataType.Float8E4M3)], 1)[0];
        Assert.Equal([0.5f, 448, -1.5f], q.ConvertTo(DataType.Float32).As<float>().Data);
        Assert.Equal([1f, 896, -3], new DequantizeLinear().Evaluate([q, Tensor.Scalar(2f)], 1)[0].As<float>().Data);
    }

    [Fact]
    public void Bfloat16_weights_are_read_and_cast()
    {
        var weight = Tensor.Vector<float>(1.5f, -2).ConvertTo(DataType.BFloat16);
        var model = new ModelBuilder().Input("x", 2).Initializer("w", weight).Node("Cast", "cast", ["w"], ["f"], Attributes.Int("to", 1)).Node("Mul", "mul", ["x", "f"], ["y"]).Output("y");
        Assert.Equal([3f, -4], GraphInterpreter.Run(model.Load(), [Tensor.Vector<float>(2f, 2)])[0].As<float>().Data);
    }

    [Fact]
    public void Numbers_beyond_an_integer_type_become_the_smallest_one_everywhere()
    {
        var x = Tensor.Vector(float.NaN, float.PositiveInfinity, float.NegativeInfinity, 3e9f, -3e9f, 1e20f, -1.9f);
        Assert.Equal([int.MinValue, int.MinValue, int.MinValue, int.MinValue, int.MinValue, int.MinValue, -1], x.ConvertTo(DataType.Int32).As<int>().Data);
        Assert.Equal([long.MinValue, long.MinValue, long.MinValue, 3_000_000_000, -3_000_000_000, long.MinValue, -1], x.ConvertTo(DataType.Int64).As<long>().Data);
        Assert.Equal([0, 0, 0, 0, 0, 0, 255], x.ConvertTo(DataType.UInt8).As<byte>().Data);
        Assert.Equal([300 - 256, -44], Tensor.Vector(300f, -300f).ConvertTo(DataType.Int8).As<sbyte>().Data);
        Assert.Equal([10_000_000_000_000_000_000UL, ulong.MaxValue], Tensor.Vector<double>(1e19, -1).ConvertTo(DataType.UInt64).As<ulong>().Data);
    }

    [Fact]
    public void Unsigned_64_bit_integers_keep_their_upper_half()
    {
        var x = Tensor.Vector<ulong>(ulong.MaxValue, 1UL << 63, 5);
        Assert.Equal([18446744073709551616f, 9223372036854775808f, 5], x.ConvertTo(DataType.Float32).As<float>().Data);
        Assert.Equal([18446744073709551616.0, 9223372036854775808.0, 5], x.ConvertTo(DataType.Float64).As<double>().Data);
        Assert.Equal([Half.PositiveInfinity, Half.PositiveInfinity, (Half)5], x.ConvertTo(DataType.Float16).As<Half>().Data);
        Assert.Equal([-1, long.MinValue, 5], x.ConvertTo(DataType.Int64).As<long>().Data);
    }
}
