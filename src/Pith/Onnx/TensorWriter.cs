using Google.Protobuf;

namespace Pith.Onnx;

/// <summary>Turns a <see cref="Tensor"/> into a <see cref="TensorProto"/> with raw little-endian data.</summary>
internal static class TensorWriter
{
    public static TensorProto Write(Tensor tensor, string name = "")
    {
        var proto = Head(tensor, name);
        proto.RawData = ByteString.CopyFrom(tensor.DataType.IsPacked() ? Packed(tensor) : tensor.Bytes);
        return proto;
    }

    private static byte[] Packed(Tensor tensor)
    {
        var (values, packed) = (tensor.ConvertTo(DataType.Int32).As<int>().Data, new byte[tensor.DataType.BytesInFile(tensor.Length)]);
        for (var i = 0; i < values.Length; i++) packed[i / 2] |= (byte)((values[i] & 15) << (i % 2 * 4));
        return packed;
    }

    /// <summary>Name, type and shape.</summary>
    public static TensorProto Head(Tensor tensor, string name)
    {
        var proto = new TensorProto { Name = name, DataType = (int)tensor.DataType };
        proto.Dims.AddRange(tensor.Shape.Dims.Select(dim => (long)dim));
        return proto;
    }
}
