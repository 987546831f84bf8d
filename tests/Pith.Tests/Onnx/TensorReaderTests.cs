using Google.Protobuf;
using Pith.Onnx;

namespace Pith.Tests.Onnx;

public class TensorReaderTests
{
    private static Tensor Read(TensorProto proto, string? folder = null) => TensorReader.Read(proto, "w", folder is null ? ExternalData.None : new ExternalData(new ExternalDataFolder(Path.Combine(folder, "model.onnx")).Open));

    private static string Error(TensorProto proto, string? folder = null) => Assert.Throws<PithException>(() => Read(proto, folder)).Message;

    [Fact]
    public void Raw_data_of_every_type_round_trips()
    {
        var random = new Random(7);
        foreach (var type in Enum.GetValues<DataType>())
        {
            var tensor = Tensor.Zeros(type, new Shape(2, 3));
            random.NextBytes(tensor.Bytes);
            if (type == DataType.Bool) foreach (ref var element in tensor.Bytes) element &= 1;
            if (type.IsPacked()) tensor = tensor.ConvertTo(DataType.Int32).ConvertTo(type); // four bits of each byte
            var copy = Read(TensorWriter.Write(tensor, "w"));
            Assert.Equal(tensor.ToString(), copy.ToString());
            Assert.True(tensor.Bytes.SequenceEqual(copy.Bytes), $"{type}");
        }
    }

    [Fact]
    public void Typed_fields_of_every_type_are_read()
    {
        TensorProto Of(DataType type) => new() { Dims = { 2 }, DataType = (int)type, Name = "w" };
        foreach (var type in new[] { DataType.Int32, DataType.Int16, DataType.Int8, DataType.UInt16, DataType.UInt8 })
        {
            var proto = Of(type);
            proto.Int32Data.AddRange([1, 100]);
            Assert.Equal([1L, 100L], Read(proto).ConvertTo(DataType.Int64).ToInt64s());
        }
        foreach (var type in new[] { DataType.UInt32, DataType.UInt64 })
        {
            var proto = Of(type);
            proto.Uint64Data.AddRange([1, uint.MaxValue]);
            Assert.Equal([1L, uint.MaxValue], Read(proto).ConvertTo(DataType.Int64).ToInt64s());
        }
        Assert.Equal([1.5f, -2f], Read(new TensorProto { Dims = { 2 }, DataType = 1, FloatData = { 1.5f, -2f } }).As<float>().Data);
        Assert.Equal([1.5, -2], Read(new TensorProto { Dims = { 2 }, DataType = 11, DoubleData = { 1.5, -2 } }).As<double>().Data);
        Assert.Equal([1L, -2], Read(new TensorProto { Dims = { 2 }, DataType = 7, Int64Data = { 1, -2 } }).As<long>().Data);
        Assert.Equal([true, false], Read(new TensorProto { Dims = { 2 }, DataType = 9, Int32Data = { 1, 0 } }).As<bool>().Data);
        Assert.Equal([(Half)1f, (Half)(-2f)], Read(new TensorProto { Dims = { 2 }, DataType = 10, Int32Data = { 0x3C00, 0xC000 } }).As<Half>().Data);
    }

    [Fact]
    public void Data_that_does_not_fit_the_shape_is_refused_before_anything_is_allocated()
    {
        Assert.Contains("needs 8 bytes of data, the file has 4", Error(new TensorProto { Dims = { 2 }, DataType = 1, RawData = ByteString.CopyFrom(new byte[4]) }), StringComparison.Ordinal);
        Assert.Contains("needs 2000000000 elements, the file has 1", Error(new TensorProto { Dims = { 2000, 1000000 }, DataType = 1, FloatData = { 1 } }), StringComparison.Ordinal);
        Assert.Contains("more elements than", Error(new TensorProto { Dims = { int.MaxValue, int.MaxValue }, DataType = 1 }), StringComparison.Ordinal);
        Assert.Contains("size -1", Error(new TensorProto { Dims = { -1 }, DataType = 1 }), StringComparison.Ordinal);
        Assert.Contains("does not fit its element type", Error(new TensorProto { Dims = { 1 }, DataType = 3, Int32Data = { 128 } }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(8, "STRING")]
    [InlineData(14, "COMPLEX64")]
    [InlineData(18, "FLOAT8E4M3FNUZ")]
    [InlineData(20, "FLOAT8E5M2FNUZ")]
    [InlineData(99, "number 99")]
    public void Other_element_types_are_refused_by_name(int type, string name) => Assert.Contains(name, Error(new TensorProto { Dims = { 0 }, DataType = type }), StringComparison.OrdinalIgnoreCase);

    [Fact]
    public void External_data_is_read_from_the_models_folder_only()
    {
        var folder = Directory.CreateTempSubdirectory("pith-external-").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "weights.bin"), [9, 9, 9, 9, .. BitConverter.GetBytes(1.5f), .. BitConverter.GetBytes(2.5f)]);
            TensorProto At(string location, params (string Key, string Value)[] more)
            {
                var proto = new TensorProto { Dims = { 2 }, DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
                proto.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
                proto.ExternalData.AddRange(more.Select(entry => new StringStringEntryProto { Key = entry.Key, Value = entry.Value }));
                return proto;
            }
            Assert.Equal([1.5f, 2.5f], Read(At("weights.bin", ("offset", "4"), ("length", "8")), folder).As<float>().Data);
            Assert.Contains("has only 12", Error(At("weights.bin", ("offset", "5")), folder), StringComparison.Ordinal);
            Assert.Contains("4 bytes of external data", Error(At("weights.bin", ("length", "4")), folder), StringComparison.Ordinal);
            Assert.Contains("not a number", Error(At("weights.bin", ("offset", "-1")), folder), StringComparison.Ordinal);
            foreach (var outside in new[] { "../weights.bin", "a/../../weights.bin", "..\\weights.bin", "/etc/passwd", "C:\\x" })
                Assert.Contains("outside the model's folder", Error(At(outside), folder), StringComparison.Ordinal);
            Assert.Contains("cannot be read", Error(At("missing.bin"), folder), StringComparison.Ordinal);
            Assert.Contains("cannot be read", Error(At(""), folder), StringComparison.Ordinal);
            Assert.Contains("was not read from a file", Error(At("weights.bin")), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
