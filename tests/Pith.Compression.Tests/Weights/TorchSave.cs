using System.Buffers.Binary;
using System.IO.Compression;

namespace Pith.Compression.Tests.Weights;

/// <summary>Files as torch.save writes them, made by hand.</summary>
internal static class TorchSave
{
    /// <summary>A state dict in the zip format, one storage for each tensor; the dictionary has PyTorch's attribute _metadata.</summary>
    public static byte[] Zip(IEnumerable<KeyValuePair<string, Tensor>> tensors, Action<TorchPickle>? before = null, Action<TorchPickle>? after = null)
    {
        var entries = tensors.ToArray();
        var pickle = new TorchPickle();
        before?.Invoke(pickle);
        Dictionary(pickle, entries, isLegacy: false);
        after?.Invoke(pickle);
        return Archive([("data.pkl", pickle.Ended), ("byteorder", "little"u8.ToArray()), .. entries.Select((entry, i) => ($"data/{i}", entry.Value.Bytes.ToArray())), ("version", "3\n"u8.ToArray())]);
    }

    /// <summary>A zip file with these entries under a folder, stored as torch.save stores them.</summary>
    public static byte[] Archive((string Name, byte[] Content)[] entries, string root = "resnet", CompressionLevel level = CompressionLevel.NoCompression)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, content) in entries)
            {
                using var entry = zip.CreateEntry($"{root}/{name}", level).Open();
                entry.Write(content);
            }
        return stream.ToArray();
    }

    /// <summary>A state dict in the format before PyTorch 1.6: pickles, then the elements.</summary>
    public static byte[] Legacy(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var entries = tensors.ToArray();
        var file = new MemoryStream();
        file.Write(new TorchPickle().Raw([0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]).Ended);
        file.Write(new TorchPickle().Integer(1001).Ended);
        file.Write(new TorchPickle().Raw("}("u8).Text("protocol_version").Integer(1001).Text("little_endian").Raw([0x88]).Raw("u"u8).Ended);
        var pickle = new TorchPickle();
        Dictionary(pickle, entries, isLegacy: true);
        file.Write(pickle.Ended);
        // Python writes the keys in the order of their texts.
        var order = Enumerable.Range(0, entries.Length).OrderBy(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparer.Ordinal).ToArray();
        var keys = new TorchPickle().Raw("]("u8);
        foreach (var i in order) keys.Text($"{i}");
        file.Write(keys.Raw("e"u8).Ended);
        var count = new byte[8];
        foreach (var i in order)
        {
            BinaryPrimitives.WriteInt64LittleEndian(count, entries[i].Value.Length);
            file.Write(count);
            file.Write(entries[i].Value.Bytes);
        }
        return file.ToArray();
    }

    private static void Dictionary(TorchPickle pickle, KeyValuePair<string, Tensor>[] entries, bool isLegacy)
    {
        pickle.OrderedDict().Raw("("u8);
        for (var i = 0; i < entries.Length; i++)
        {
            var (name, tensor) = entries[i];
            pickle.Text(name).Tensor(StorageType(tensor.DataType), $"{i}", tensor.Length, 0, [.. tensor.Shape.Dims.Select(size => (long)size)], [.. tensor.Shape.Strides().Select(stride => (long)stride)], isLegacy);
        }
        pickle.Raw("u"u8);
        // __setstate__ with {'_metadata': OrderedDict([('', {'version': 1})])}
        pickle.Raw("}"u8).Text("_metadata").OrderedDict().Text("").Raw("}"u8).Text("version").Integer(1).Raw("sssb"u8);
    }

    private static string StorageType(DataType type) => type switch
    {
        DataType.Float32 => "FloatStorage",
        DataType.Float16 => "HalfStorage",
        DataType.BFloat16 => "BFloat16Storage",
        DataType.Float64 => "DoubleStorage",
        DataType.Int64 => "LongStorage",
        DataType.Bool => "BoolStorage",
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };
}
