using System.Runtime.InteropServices;
using Google.Protobuf;
using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>Translates the tensors of gRPC messages. Raw contents are used where they lie; typed contents are copied into the same form.</summary>
internal static class GrpcTensors
{
    /// <summary>A message as a request.</summary>
    /// <param name="message">The message.</param>
    /// <param name="rawContents">Its raw contents, which stay readable until the answer is there.</param>
    /// <exception cref="RequestException">Its parts contradict each other.</exception>
    public static InferenceRequest Request(ModelInferRequest message, IReadOnlyList<ReadOnlyMemory<byte>> rawContents)
    {
        if (rawContents.Count > 0 && rawContents.Count != message.Inputs.Count) throw RequestException.Invalid($"The request has {message.Inputs.Count} inputs and {rawContents.Count} raw_input_contents: expected one for each input, or none.");
        var inputs = new RequestTensor[message.Inputs.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            var input = message.Inputs[i];
            if (input.Parameters.ContainsKey("shared_memory_region")) throw RequestException.Invalid("Shared memory is not supported: send the elements in the request.");
            var isRaw = rawContents.Count > 0;
            if (isRaw && input.Contents is not null) throw RequestException.Invalid($"Input '{input.Name}' has contents, and the request raw_input_contents: expected one of both.");
            inputs[i] = new RequestTensor(input.Name, input.Datatype, [.. input.Shape], isRaw ? rawContents[i] : Contents(input));
        }
        return new InferenceRequest
        {
            Model = message.ModelName,
            Version = message.ModelVersion,
            Id = message.Id,
            Inputs = inputs,
            Outputs = [.. message.Outputs.Select(output => new RequestedOutput(output.Name, Classes(output)))],
            TimeoutMicroseconds = message.Parameters.TryGetValue("timeout", out var timeout) ? Number("timeout", timeout) : 0,
        };
    }

    /// <summary>An answer as a message, with raw contents that are not copied.</summary>
    public static ModelInferResponse Response(InferenceResponse answer)
    {
        var message = new ModelInferResponse { ModelName = answer.Model, ModelVersion = answer.Version, Id = answer.Id };
        foreach (var output in answer.Outputs)
        {
            var tensor = new ModelInferResponse.Types.InferOutputTensor { Name = output.Name, Datatype = output.DataType };
            tensor.Shape.AddRange(output.Shape);
            message.Outputs.Add(tensor);
            message.RawOutputContents.Add(UnsafeByteOperations.UnsafeWrap(output.Data));
        }
        return message;
    }

    private static int Classes(ModelInferRequest.Types.InferRequestedOutputTensor output)
    {
        if (output.Parameters.ContainsKey("shared_memory_region")) throw RequestException.Invalid("Shared memory is not supported: outputs are in the answer.");
        return output.Parameters.TryGetValue("classification", out var classes) ? (int)Math.Min(Number("classification", classes), int.MaxValue) : 0;
    }

    private static long Number(string name, InferParameter parameter) => parameter.ParameterChoiceCase switch
    {
        InferParameter.ParameterChoiceOneofCase.Int64Param when parameter.Int64Param >= 0 => parameter.Int64Param,
        InferParameter.ParameterChoiceOneofCase.Uint64Param when parameter.Uint64Param <= long.MaxValue => (long)parameter.Uint64Param,
        _ => throw RequestException.Invalid($"Parameter {name} must be a whole number of 0 or more."),
    };

    private static ReadOnlyMemory<byte> Contents(ModelInferRequest.Types.InferInputTensor input)
    {
        var contents = input.Contents ?? new InferTensorContents();
        var name = input.Name;
        return input.Datatype switch
        {
            "BOOL" => Bytes(contents.BoolContents, value => value),
            "UINT8" => Bytes(contents.UintContents, value => value <= byte.MaxValue ? (byte)value : throw OutOfRange(name, value)),
            "UINT16" => Bytes(contents.UintContents, value => value <= ushort.MaxValue ? (ushort)value : throw OutOfRange(name, value)),
            "UINT32" => Bytes(contents.UintContents, value => value),
            "UINT64" => Bytes(contents.Uint64Contents, value => value),
            "INT8" => Bytes(contents.IntContents, value => value is >= sbyte.MinValue and <= sbyte.MaxValue ? (sbyte)value : throw OutOfRange(name, value)),
            "INT16" => Bytes(contents.IntContents, value => value is >= short.MinValue and <= short.MaxValue ? (short)value : throw OutOfRange(name, value)),
            "INT32" => Bytes(contents.IntContents, value => value),
            "INT64" => Bytes(contents.Int64Contents, value => value),
            "FP32" => Bytes(contents.Fp32Contents, value => value),
            "FP64" => Bytes(contents.Fp64Contents, value => value),
            WireType.Bytes => Elements(contents.BytesContents),
            "FP16" or "BF16" => throw RequestException.Invalid($"Input '{name}' is {input.Datatype}, which has no typed contents: send raw_input_contents."),
            _ => throw RequestException.Invalid($"Input '{name}': there is no datatype '{input.Datatype}'. Expected one of {WireType.Names}."),
        };
    }

    private static byte[] Bytes<TFrom, TTo>(IReadOnlyList<TFrom> values, Func<TFrom, TTo> convert) where TTo : unmanaged
    {
        var converted = new TTo[values.Count];
        for (var i = 0; i < converted.Length; i++) converted[i] = convert(values[i]);
        return MemoryMarshal.AsBytes(converted.AsSpan()).ToArray();
    }

    private static byte[] Elements(IReadOnlyList<ByteString> elements)
    {
        using var stream = new MemoryStream();
        foreach (var element in elements) ByteElements.Append(stream, element.Span);
        return stream.ToArray();
    }

    private static RequestException OutOfRange(string name, long value) => RequestException.Invalid($"Input '{name}' has {value} in its contents, which its datatype does not hold.");
}
