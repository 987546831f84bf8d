namespace Pith.Serving;

/// <summary>A request for one answer, whatever it came by. Data is not copied: whoever made the request keeps it readable until the answer is there.</summary>
internal sealed class InferenceRequest
{
    public required string Model { get; init; }

    /// <summary>The version; empty to let the server choose.</summary>
    public required string Version { get; init; }

    /// <summary>Echoed in the answer; empty for none.</summary>
    public required string Id { get; init; }

    public required IReadOnlyList<RequestTensor> Inputs { get; init; }

    /// <summary>The outputs that are wanted; empty for all.</summary>
    public required IReadOnlyList<RequestedOutput> Outputs { get; init; }

    /// <summary>Whether an HTTP answer has outputs that are not named here as bytes after the JSON.</summary>
    public bool BinaryOutputs { get; init; }

    /// <summary>How long the request may wait and run, in microseconds; 0 for as long as the model's configuration says.</summary>
    public long TimeoutMicroseconds { get; init; }
}

/// <summary>A tensor of a request.</summary>
/// <param name="Name">The input's name.</param>
/// <param name="DataType">The protocol's name of the element type.</param>
/// <param name="Shape">The sizes as they were sent: not checked yet.</param>
/// <param name="Data">Row-major elements, little-endian; BYTES elements each after their length.</param>
internal sealed record RequestTensor(string Name, string DataType, long[] Shape, ReadOnlyMemory<byte> Data);

/// <summary>An output that a request asks for.</summary>
/// <param name="Name">The output's name.</param>
/// <param name="Classes">How many classes to answer with; 0 for the tensor itself.</param>
/// <param name="IsBinary">Whether an HTTP answer has the elements as bytes after the JSON.</param>
internal sealed record RequestedOutput(string Name, int Classes = 0, bool IsBinary = false);

/// <summary>The answer.</summary>
internal sealed record InferenceResponse(string Model, string Version, string Id, IReadOnlyList<ResponseTensor> Outputs);

/// <summary>A tensor of an answer, which owns its data.</summary>
/// <param name="Name">The output's name.</param>
/// <param name="DataType">The protocol's name of the element type.</param>
/// <param name="Shape">The sizes.</param>
/// <param name="Data">As in <see cref="RequestTensor"/>.</param>
/// <param name="IsBinary">Whether an HTTP answer has the elements as bytes after the JSON.</param>
internal sealed record ResponseTensor(string Name, string DataType, long[] Shape, byte[] Data, bool IsBinary);
