using Google.Protobuf;

namespace Pith.Onnx;

/// <summary>Turns what an op gave to <see cref="OpWriter"/> into attributes of a file, in alphabetical order.</summary>
internal static class AttributeWriter
{
    public static IEnumerable<AttributeProto> Write(IReadOnlyDictionary<string, object> attributes) => attributes.Select(attribute => Write(attribute.Key, attribute.Value));

    private static AttributeProto Write(string name, object value)
    {
        var attribute = new AttributeProto { Name = name };
        switch (value)
        {
            case long number:
                attribute.Type = AttributeProto.Types.AttributeType.Int;
                attribute.I = number;
                break;
            case float number:
                attribute.Type = AttributeProto.Types.AttributeType.Float;
                attribute.F = number;
                break;
            case string text:
                attribute.Type = AttributeProto.Types.AttributeType.String;
                attribute.S = ByteString.CopyFromUtf8(text);
                break;
            case long[] numbers:
                attribute.Type = AttributeProto.Types.AttributeType.Ints;
                attribute.Ints.AddRange(numbers);
                break;
            case Tensor tensor:
                attribute.Type = AttributeProto.Types.AttributeType.Tensor;
                attribute.T = TensorWriter.Write(tensor);
                break;
            default:
                throw new InvalidOperationException($"An op wrote attribute '{name}' as {value.GetType()}, which ONNX has no form for.");
        }
        return attribute;
    }
}
