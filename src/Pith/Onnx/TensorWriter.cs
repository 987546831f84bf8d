using Google.Protobuf;

namespace Pith.Onnx;

/// <summary>Turns a <see cref="Tensor"/> into a <see cref="TensorProto"/> with raw little-endian data.</summary>
internal static class TensorWriter
{
    public static TensorProto Write(Tensor tensor, string name = "")
    {
        var proto = Head(tensor, name);
        proto.RawData = ByteString.CopyFrom(tensor.Bytes);
        return proto;
    }

    /// <summary>Name, type and shape.</summary>
    public static TensorProto Head(Tensor tensor, string name)
    {
        var proto = new TensorProto { Name = name, DataType = (int)tensor.DataType };
        proto.Dims.AddRange(tensor.Shape.Dims.Select(dim => (long)dim));
        return proto;
    }
}
