using Google.Protobuf;
using Pith.Onnx;

namespace Pith.TestKit;

/// <summary>Attributes of nodes as files have them.</summary>
internal static class Attributes
{
    public static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    public static AttributeProto Float(string name, float value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = value };

    public static AttributeProto Text(string name, string value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.String, S = ByteString.CopyFromUtf8(value) };

    public static AttributeProto Ints(string name, params long[] values) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Ints, Ints = { values } };

    /// <summary>An attribute of a function's node that takes the value of the function's attribute <paramref name="referred"/>.</summary>
    public static AttributeProto Reference(string name, AttributeProto.Types.AttributeType type, string referred) => new() { Name = name, Type = type, RefAttrName = referred };
}
