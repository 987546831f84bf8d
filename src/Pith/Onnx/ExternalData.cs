using System.Globalization;

namespace Pith.Onnx;

/// <summary>Finds tensors that a model does not hold itself.</summary>
/// <param name="open">Opens a location that the model names, or says in a <see cref="PithException"/> why not; the message follows the tensor's name.</param>
/// <param name="expands">Whether tensors may be compressed as <see cref="ConstantsApart"/> does it. In ONNX files what says so has no meaning.</param>
internal sealed class ExternalData(Func<string, Stream> open, bool expands = false)
{
    private const string CompressedAxis = "pith.compressed_axis";

    // Ranges may overlap, but a small file must not become any amount of memory. Tensors that share all of their data share its memory.
    private const int MostTimesTheFile = 4;

    private readonly Dictionary<string, long> _bytesRead = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Location, long Offset, DataType Type, Shape Shape, long? Axis), Tensor> _tensors = [];

    /// <summary>For models that must hold everything, because there is no folder to look in.</summary>
    public static ExternalData None { get; } =
        new(location => throw new PithException($"has its data in the file '{location}', but the model was not read from a file. Load it by its path."));

    /// <summary>The tensor whose data lies elsewhere; read once however often the model names it.</summary>
    /// <param name="proto">The tensor in the file.</param>
    /// <param name="type">Its element type.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="PithException">The location is refused, the data is missing or too short, or the tensors at this location take more than four times its size.</exception>
    public Tensor Read(TensorProto proto, DataType type, Shape shape, string name)
    {
        var axis = expands ? Number(proto, CompressedAxis, name) : null;
        var bytes = axis is null ? type.BytesInFile(shape.Length) : CompressedTensor.Bytes(type, shape, axis.Value) ?? throw Error(name, $"is compressed along axis {axis}, which its type and shape {type.ShortName()}{shape} do not allow.");
        var location = Entry(proto, "location") ?? throw Error(name, "has external data without a location.");
        var offset = Number(proto, "offset", name) ?? 0;
        var length = Number(proto, "length", name) ?? bytes;
        if (length != bytes) throw Error(name, $"has {length} bytes of external data, its shape needs {bytes}{(axis is null ? "" : " when compressed")}.");
        var file = string.Join('/', location.Split('/', '\\').Where(part => part is not ("" or ".")));
        if (_tensors.TryGetValue((file, offset, type, shape, axis), out var known)) return known;

        using var stream = Open(location, name);
        if (offset > stream.Length - bytes) throw Error(name, $"has its data at bytes {offset} to {offset + bytes} of '{location}', which has only {stream.Length}.");
        var read = _bytesRead[file] = _bytesRead.GetValueOrDefault(file) + Math.Max(bytes, type.BytesInFile(shape.Length));
        if (read > MostTimesTheFile * stream.Length) throw Error(name, $"and others take {read} bytes from '{location}', which has {stream.Length}: their ranges overlap. Save the model with each tensor's data once.");
        // What is compressed or packed is written element by element into zeros, other data over all bytes.
        var tensor = axis is null && !type.IsPacked() ? Tensor.Uninitialized(type, shape) : Tensor.Zeros(type, shape);
        stream.Position = offset;
        if (axis is { } along)
        {
            var compressed = new byte[bytes];
            stream.ReadExactly(compressed);
            if (!CompressedTensor.TryExpand(compressed, tensor, (int)along)) throw Error(name, "is compressed, and the places of its elements are none.");
        }
        else if (type.IsPacked())
        {
            var packed = new byte[bytes];
            stream.ReadExactly(packed);
            TensorReader.Unpack(packed, tensor);
        }
        else
        {
            stream.ReadExactly(tensor.Bytes);
        }
        return _tensors[(file, offset, type, shape, axis)] = tensor;
    }

    private Stream Open(string location, string name)
    {
        try
        {
            return open(location);
        }
        catch (PithException refused)
        {
            throw new PithException($"Tensor '{name}' {refused.Message}", refused);
        }
    }

    /// <summary>Makes a tensor's data external: this many bytes from <paramref name="offset"/>, compressed if there is an axis.</summary>
    public static void Describe(TensorProto tensor, string location, long offset, long length, int? compressedAxis = null)
    {
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        (string Key, string Value)[] entries = [("location", location), ("offset", offset.ToString(CultureInfo.InvariantCulture)), ("length", length.ToString(CultureInfo.InvariantCulture))];
        if (compressedAxis is { } axis) entries = [.. entries, (CompressedAxis, axis.ToString(CultureInfo.InvariantCulture))];
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
