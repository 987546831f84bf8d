using System.Globalization;

namespace Pith.Onnx;

/// <summary>Finds tensors that a model does not hold itself.</summary>
/// <param name="open">Opens a location that the model names, or says in a <see cref="PithException"/> why not; the message follows the tensor's name.</param>
internal sealed class ExternalData(Func<string, Stream> open)
{
    /// <summary>For models that must hold everything, because there is no folder to look in.</summary>
    public static ExternalData None { get; } =
        new(location => throw new PithException($"has its data in the file '{location}', but the model was not read from a file. Load it by its path."));

    /// <summary>Opens the data of a tensor at its first byte, after checking that all of <paramref name="byteCount"/> is there.</summary>
    /// <exception cref="PithException">The location is refused, or the data is missing or too short.</exception>
    public Stream Open(TensorProto tensor, string name, long byteCount)
    {
        var location = Entry(tensor, "location") ?? throw Error(name, "has external data without a location.");
        var offset = Number(tensor, "offset", name) ?? 0;
        var length = Number(tensor, "length", name) ?? byteCount;
        if (length != byteCount) throw Error(name, $"has {length} bytes of external data, its shape needs {byteCount}.");
        Stream stream;
        try
        {
            stream = open(location);
        }
        catch (PithException refused)
        {
            throw new PithException($"Tensor '{name}' {refused.Message}", refused);
        }
        if (offset > stream.Length - byteCount)
        {
            using (stream) throw Error(name, $"has its data at bytes {offset} to {offset + byteCount} of '{location}', which has only {stream.Length}.");
        }
        stream.Position = offset;
        return stream;
    }

    /// <summary>Makes a tensor's data external: so many bytes from <paramref name="offset"/>.</summary>
    public static void Describe(TensorProto tensor, string location, long offset, long length)
    {
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        (string Key, string Value)[] entries = [("location", location), ("offset", offset.ToString(CultureInfo.InvariantCulture)), ("length", length.ToString(CultureInfo.InvariantCulture))];
        foreach (var (key, value) in entries) tensor.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    private static long? Number(TensorProto tensor, string key, string name)
    {
        if (Entry(tensor, key) is not { } text) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Error(name, $"has the external data {key} '{text}', which is not a number of bytes.");
    }

    private static string? Entry(TensorProto tensor, string key) => tensor.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;

    private static PithException Error(string name, string problem) => new($"Tensor '{name}' {problem}");
}
