using System.Text.Json;

namespace Pith.Serving;

/// <summary>
/// The JSON of an inference request: <c>id</c>, <c>parameters</c>, <c>inputs</c>, <c>outputs</c>. Elements stand in <c>data</c>, flat or nested as the shape says, or follow the JSON as bytes, as many as
/// <c>binary_data_size</c> says. Read in one pass, without a tree; fields that nobody knows are skipped.
/// </summary>
internal static class JsonRequest
{
    private const int MostDepth = 32;
    private const int MostTensors = 256;
    private const int MostRank = 32;

    /// <summary>Reads a request.</summary>
    /// <param name="model">The model's name, from the address.</param>
    /// <param name="version">Its version; empty for none.</param>
    /// <param name="body">The whole body; the request's binary tensors are parts of it.</param>
    /// <param name="jsonBytes">Bytes of JSON at its start.</param>
    /// <exception cref="RequestException">It is not such a request.</exception>
    public static InferenceRequest Parse(string model, string version, ReadOnlyMemory<byte> body, int jsonBytes)
    {
        try
        {
            var reader = new Utf8JsonReader(body.Span[..jsonBytes], new JsonReaderOptions { MaxDepth = MostDepth });
            var request = new Builder(body[jsonBytes..]);
            reader.Read();
            request.Read(ref reader);
            if (reader.Read()) throw RequestException.Invalid("The body has something after its JSON object.");
            return request.Build(model, version);
        }
        catch (Exception failure) when (failure is JsonException or FormatException or InvalidOperationException)
        {
            throw RequestException.Invalid($"The body is not the JSON of an inference request: {failure.Message}", failure);
        }
    }

    private sealed class Builder(ReadOnlyMemory<byte> binary)
    {
        private readonly List<RequestTensor> _inputs = [];
        private readonly List<(string Name, int Classes, bool? IsBinary)> _outputs = [];
        private string _id = "";
        private long _timeout;
        private bool _binaryOutputs;
        private int _binaryAt;

        public InferenceRequest Build(string model, string version)
        {
            if (_binaryAt != binary.Length) throw RequestException.Invalid($"The body has {binary.Length} bytes after its JSON, the inputs' binary_data_size add up to {_binaryAt}.");
            return new InferenceRequest
            {
                Model = model,
                Version = version,
                Id = _id,
                Inputs = _inputs,
                // Without names: all, which the service lists; whether they are binary is asked for here.
                Outputs = [.. _outputs.Select(output => new RequestedOutput(output.Name, output.Classes, output.IsBinary ?? _binaryOutputs))],
                TimeoutMicroseconds = _timeout,
                BinaryOutputs = _binaryOutputs,
            };
        }

        public void Read(ref Utf8JsonReader reader)
        {
            Require(ref reader, JsonTokenType.StartObject, "The body", "an object");
            while (Next(ref reader, out var name))
            {
                switch (name)
                {
                    case "id": _id = Text(ref reader, "id"); break;
                    case "parameters": Parameters(ref reader); break;
                    case "inputs": Each(ref reader, "inputs", Input); break;
                    case "outputs": Each(ref reader, "outputs", Output); break;
                    default: reader.Skip(); break;
                }
            }
        }

        private delegate void Item(ref Utf8JsonReader reader);

        private static void Each(ref Utf8JsonReader reader, string name, Item read)
        {
            Require(ref reader, JsonTokenType.StartArray, name, "an array");
            var count = 0;
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (++count > MostTensors) throw RequestException.Invalid($"{name} has more than {MostTensors} tensors.");
                Require(ref reader, JsonTokenType.StartObject, name, "objects");
                read(ref reader);
            }
        }

        private void Parameters(ref Utf8JsonReader reader)
        {
            Require(ref reader, JsonTokenType.StartObject, "parameters", "an object");
            while (Next(ref reader, out var name))
            {
                if (name == "binary_data_output") _binaryOutputs = Boolean(ref reader, name);
                else if (name == "timeout") _timeout = Number(ref reader, name, 0, long.MaxValue);
                else reader.Skip();
            }
        }

        private void Input(ref Utf8JsonReader reader)
        {
            string name = "", dataType = "";
            long[]? shape = null;
            long? binarySize = null;
            var isBase64 = false;
            Utf8JsonReader data = default;
            var hasData = false;
            while (Next(ref reader, out var field))
            {
                switch (field)
                {
                    case "name": name = Text(ref reader, "name"); break;
                    case "datatype": dataType = Text(ref reader, "datatype"); break;
                    case "shape": shape = Shape(ref reader, name); break;
                    case "parameters": (binarySize, isBase64) = InputParameters(ref reader); break;
                    case "data":
                        // Type and shape may come later: the place is kept and read at the end.
                        data = reader;
                        hasData = true;
                        reader.Skip();
                        break;
                    default: reader.Skip(); break;
                }
            }
            if (name.Length == 0) throw RequestException.Invalid("An input has no name.");
            if (dataType.Length == 0) throw RequestException.Invalid($"Input '{name}' has no datatype: expected one of {WireType.Names}.");
            if (shape is null) throw RequestException.Invalid($"Input '{name}' has no shape.");
            if (hasData == binarySize.HasValue) throw RequestException.Invalid($"Input '{name}' needs its elements in data, or after the JSON with binary_data_size in its parameters{(hasData ? ", not both" : "")}.");
            _inputs.Add(new RequestTensor(name, dataType, shape, hasData ? JsonTensor.Read(ref data, name, dataType, shape, isBase64) : Binary(name, binarySize!.Value)));
        }

        private ReadOnlyMemory<byte> Binary(string name, long size)
        {
            if (size > binary.Length - _binaryAt) throw RequestException.Invalid($"Input '{name}' has binary_data_size {size}, the body has {binary.Length - _binaryAt} bytes left after the JSON{(binary.IsEmpty ? " (is the header Inference-Header-Content-Length missing?)" : "")}.");
            _binaryAt += (int)size;
            return binary.Slice(_binaryAt - (int)size, (int)size);
        }

        private static (long? BinarySize, bool IsBase64) InputParameters(ref Utf8JsonReader reader)
        {
            long? size = null;
            var isBase64 = false;
            Require(ref reader, JsonTokenType.StartObject, "parameters", "an object");
            while (Next(ref reader, out var name))
            {
                if (name == "binary_data_size") size = Number(ref reader, name, 0, int.MaxValue);
                else if (name == "content_type") isBase64 = Text(ref reader, name) == "base64";
                else if (name == "shared_memory_region") throw NoSharedMemory();
                else reader.Skip();
            }
            return (size, isBase64);
        }

        private void Output(ref Utf8JsonReader reader)
        {
            var name = "";
            long classes = 0;
            bool? isBinary = null;
            while (Next(ref reader, out var field))
            {
                if (field == "name") name = Text(ref reader, "name");
                else if (field != "parameters") reader.Skip();
                else
                {
                    Require(ref reader, JsonTokenType.StartObject, "parameters", "an object");
                    while (Next(ref reader, out var parameter))
                    {
                        if (parameter == "classification") classes = Number(ref reader, parameter, 0, int.MaxValue);
                        else if (parameter == "binary_data") isBinary = Boolean(ref reader, parameter);
                        else if (parameter == "shared_memory_region") throw NoSharedMemory();
                        else reader.Skip();
                    }
                }
            }
            if (name.Length == 0) throw RequestException.Invalid("An output has no name.");
            _outputs.Add((name, (int)classes, isBinary));
        }

        private static long[] Shape(ref Utf8JsonReader reader, string input)
        {
            Require(ref reader, JsonTokenType.StartArray, "shape", "an array");
            var shape = new List<long>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (shape.Count == MostRank) throw RequestException.Invalid($"Input '{input}' has a shape of more than {MostRank} dimensions.");
                shape.Add(Number(ref reader, "shape", 0, long.MaxValue));
            }
            return [.. shape];
        }

        private static RequestException NoSharedMemory() => RequestException.Invalid("Shared memory is not supported: send the elements in the request.");

        // The name of the next field, with the reader on its value; false at the end of the object.
        private static bool Next(ref Utf8JsonReader reader, out string name)
        {
            reader.Read();
            name = "";
            if (reader.TokenType == JsonTokenType.EndObject) return false;
            name = reader.GetString()!;
            return reader.Read();
        }

        private static void Require(ref Utf8JsonReader reader, JsonTokenType type, string what, string expected)
        {
            if (reader.TokenType != type) throw RequestException.Invalid($"{what} must be {expected}, got {reader.TokenType}.");
        }

        private static string Text(ref Utf8JsonReader reader, string name)
        {
            Require(ref reader, JsonTokenType.String, name, "a string");
            return reader.GetString()!;
        }

        private static bool Boolean(ref Utf8JsonReader reader, string name) => reader.TokenType switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            _ => throw RequestException.Invalid($"{name} must be true or false, got {reader.TokenType}."),
        };

        private static long Number(ref Utf8JsonReader reader, string name, long low, long high) =>
            reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number) && number >= low && number <= high ? number : throw RequestException.Invalid($"{name} must be whole numbers of {low} to {high}{(reader.TokenType == JsonTokenType.Number ? "" : $", got {reader.TokenType}")}.");
    }
}
