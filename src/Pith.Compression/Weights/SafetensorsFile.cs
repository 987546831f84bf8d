using System.Buffers.Binary;
using System.Text.Json;
using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>
/// safetensors (https://github.com/huggingface/safetensors): the length of the header in 8 bytes, little-endian; the header, JSON: for each tensor its type, shape and range of bytes after the header; the elements. The
/// ranges follow each other without a gap and end with the file; anything else is refused, as the format's own reader does.
/// </summary>
internal static class SafetensorsFile
{
    private const int LengthBytes = 8;
    private const long MaxHeaderBytes = 100_000_000; // the limit of the format's own reader
    private const string MetadataName = "__metadata__";

    private static readonly (string Name, DataType Type)[] s_types =
    [
        ("F32", DataType.Float32), ("F16", DataType.Float16), ("BF16", DataType.BFloat16), ("F64", DataType.Float64), ("F8_E4M3", DataType.Float8E4M3), ("F8_E5M2", DataType.Float8E5M2),
        ("I8", DataType.Int8), ("U8", DataType.UInt8), ("I16", DataType.Int16), ("U16", DataType.UInt16), ("I32", DataType.Int32), ("U32", DataType.UInt32), ("I64", DataType.Int64), ("U64", DataType.UInt64),
        ("BOOL", DataType.Bool),
    ];

    public static WeightFile Open(string path)
    {
        var file = OrdinaryFile.Open(path);
        try
        {
            return new WeightFile(path, Tensors(file, path), file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public static void Write(Stream stream, IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        // Large elements first, so that each range is aligned; then by name, as the format's own writer does.
        var ordered = tensors.Select(tensor => (Name: tensor.Key, Tensor: tensor.Value.DataType.IsPacked() ? tensor.Value.ConvertTo(tensor.Value.DataType == DataType.Int4 ? DataType.Int8 : DataType.UInt8) : tensor.Value))
            .OrderByDescending(entry => entry.Tensor.DataType.SizeInBytes()).ThenBy(entry => entry.Name, StringComparer.Ordinal).ToArray();
        using var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header)) WriteHeader(json, ordered);
        var padding = (int)(-header.Length & (LengthBytes - 1));
        header.Write("        "u8[..padding]);
        var length = new byte[LengthBytes];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        header.WriteTo(stream);
        foreach (var (_, tensor) in ordered) stream.Write(tensor.Bytes);
    }

    private static void WriteHeader(Utf8JsonWriter json, IReadOnlyList<(string Name, Tensor Tensor)> ordered)
    {
        json.WriteStartObject();
        json.WriteStartObject(MetadataName);
        json.WriteString("format", "pt"); // what PyTorch's libraries ask for
        json.WriteEndObject();
        var begin = 0L;
        foreach (var (name, tensor) in ordered)
        {
            if (name == MetadataName) throw new PithException($"A tensor of a safetensors file cannot be called '{MetadataName}'.");
            var end = begin + tensor.Bytes.Length;
            json.WriteStartObject(name);
            json.WriteString("dtype", s_types.First(type => type.Type == tensor.DataType).Name);
            json.WriteStartArray("shape");
            foreach (var size in tensor.Shape.Dims) json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(begin);
            json.WriteNumberValue(end);
            json.WriteEndArray();
            json.WriteEndObject();
            begin = end;
        }
        json.WriteEndObject();
    }

    private static List<StoredTensor> Tensors(FileStream file, string path)
    {
        var lengthField = DataFile.ReadExactly(file, LengthBytes) ?? throw new InvalidDataException($"it has {file.Length} bytes; a safetensors file starts with the length of its header in {LengthBytes}.");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(lengthField);
        if (length > (ulong)Math.Min(MaxHeaderBytes, file.Length - LengthBytes))
            throw new InvalidDataException($"its header claims {length} bytes, of the {file.Length - LengthBytes} that follow and at most {MaxHeaderBytes}. It is cut short, or not a safetensors file.");
        var header = DataFile.ReadExactly(file, (int)length) ?? throw new InvalidDataException("its header is cut short.");
        var dataAt = LengthBytes + (long)length;
        var ranges = new List<(StoredTensor Tensor, long Begin, long End)>();
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            if (json.RootElement.ValueKind != JsonValueKind.Object) throw new InvalidDataException("its header is not a JSON object.");
            foreach (var entry in json.RootElement.EnumerateObject().Where(entry => entry.Name != MetadataName)) ranges.Add(Entry(entry, file, dataAt, path));
        }
        catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"its header is not the JSON of a safetensors file ({wrong.Message}).", wrong);
        }
        CheckRanges(ranges, file.Length - dataAt);
        return [.. ranges.Select(range => range.Tensor)];
    }

    private static (StoredTensor Tensor, long Begin, long End) Entry(JsonProperty entry, FileStream file, long dataAt, string path)
    {
        InvalidDataException Wrong(string what) => new($"tensor '{entry.Name}': {what}.");
        var name = entry.Name;
        if (entry.Value.ValueKind != JsonValueKind.Object) throw Wrong("expected an object with dtype, shape and data_offsets");
        JsonElement Field(string name, JsonValueKind kind) => entry.Value.TryGetProperty(name, out var field) && field.ValueKind == kind ? field : throw Wrong($"expected the field '{name}'");
        var code = Field("dtype", JsonValueKind.String).GetString();
        if (s_types.FirstOrDefault(known => known.Name == code) is not { Name: not null } type) throw new PithException($"'{path}', tensor '{entry.Name}': elements of type {code} are not supported. Expected one of {string.Join(", ", s_types.Select(known => known.Name))}.");
        var sizes = Field("shape", JsonValueKind.Array).EnumerateArray().Select(size => size.TryGetInt32(out var number) && number >= 0 ? number : throw Wrong($"size {size.GetRawText()}, expected 0 to {int.MaxValue}")).ToArray();
        long[] offsets = [.. Field("data_offsets", JsonValueKind.Array).EnumerateArray().Select(offset => offset.TryGetInt64(out var number) && number >= 0 ? number : throw Wrong($"offset {offset.GetRawText()}, expected a position in the file"))];
        if (offsets is not [var begin, var end]) throw Wrong($"{offsets.Length} offsets, expected begin and end");
        var shape = ShapeOf(sizes, entry.Name);
        var bytes = (long)shape.Length * type.Type.SizeInBytes();
        if (end - begin != bytes) throw Wrong($"{code}{shape} has {bytes} bytes, its data_offsets {begin} to {end} are {end - begin}");
        return (new StoredTensor(name, type.Type, shape, () => ElementsAt(file, dataAt + begin, type.Type, shape, name)), begin, end);
    }

    /// <summary>A shape from a file.</summary>
    /// <exception cref="InvalidDataException">It has more elements than one array can hold.</exception>
    internal static Shape ShapeOf(int[] sizes, string name)
    {
        try
        {
            return new Shape(sizes);
        }
        catch (PithException impossible)
        {
            throw new InvalidDataException($"tensor '{name}': {impossible.Message}", impossible);
        }
    }

    /// <summary>Reads little-endian elements from a position of a file.</summary>
    internal static Tensor ElementsAt(FileStream file, long position, DataType type, Shape shape, string name)
    {
        file.Position = position;
        var tensor = Tensor.Zeros(type, shape);
        var got = file.ReadAtLeast(tensor.Bytes, tensor.Bytes.Length, throwOnEndOfStream: false);
        if (got < tensor.Bytes.Length) throw new InvalidDataException($"tensor '{name}' is cut short: {tensor.Bytes.Length} bytes from position {position}, {got} are there.");
        if (type == DataType.Bool) Npy.Normalize(tensor.Bytes);
        return tensor;
    }

    private static void CheckRanges(List<(StoredTensor Tensor, long Begin, long End)> ranges, long dataBytes)
    {
        var at = 0L;
        foreach (var (tensor, begin, end) in ranges.OrderBy(range => range.Begin).ThenBy(range => range.End))
        {
            if (begin != at) throw new InvalidDataException($"tensor '{tensor.Name}' begins at byte {begin} of the data, the one before it ends at {at}: ranges must follow each other without overlap or gap.");
            at = end;
        }
        if (at != dataBytes) throw new InvalidDataException($"its tensors have {at} bytes in all, {dataBytes} follow the header. It is cut short, or something was appended.");
    }
}
