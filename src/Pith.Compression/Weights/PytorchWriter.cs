using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Pith.Compression.Weights;

/// <summary>Writes a state dict as torch.save does since PyTorch 1.6, in protocol 2, one storage for each tensor; <c>torch.load(FILE, weights_only=True)</c> takes it.</summary>
internal static class PytorchWriter
{
    private const string Root = "archive/";

    // Fixed, so that equal tensors give equal files; the first date that zip can express.
    private static readonly DateTimeOffset s_entryTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static void Write(Stream stream, IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        KeyValuePair<string, Tensor>[] held = [.. tensors.Select(tensor => KeyValuePair.Create(tensor.Key, Held(tensor.Key, tensor.Value)))];
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        Entry(zip, "data.pkl", Pickle(held));
        Entry(zip, "byteorder", "little"u8);
        for (var i = 0; i < held.Length; i++) Entry(zip, $"data/{i}", held[i].Value.Bytes);
        Entry(zip, "version", "3\n"u8);
    }

    // PyTorch has storages for signed integers, uint8 and the larger floats.
    private static Tensor Held(string name, Tensor tensor) => tensor.DataType switch
    {
        DataType.UInt4 => tensor.ConvertTo(DataType.UInt8),
        DataType.Int4 => tensor.ConvertTo(DataType.Int8),
        DataType.UInt16 => tensor.ConvertTo(DataType.Int32),
        DataType.UInt32 => tensor.ConvertTo(DataType.Int64),
        DataType.Float8E4M3 or DataType.Float8E5M2 => tensor.ConvertTo(DataType.Float32),
        DataType.UInt64 => throw new PithException($"Tensor '{name}' is {tensor}: a PyTorch state dict has no unsigned integers of 64 bits. Write it as .safetensors or .npz."),
        _ => tensor,
    };

    private static void Entry(ZipArchive zip, string name, ReadOnlySpan<byte> content)
    {
        var entry = zip.CreateEntry(Root + name, CompressionLevel.NoCompression);
        entry.LastWriteTime = s_entryTime;
        using var stream = entry.Open();
        stream.Write(content);
    }

    private static byte[] Pickle(KeyValuePair<string, Tensor>[] tensors)
    {
        using var pickle = new MemoryStream();
        pickle.Write([0x80, 2]); // PROTO 2
        EmptyDictionary(pickle);
        pickle.WriteByte((byte)'(');
        for (var i = 0; i < tensors.Length; i++)
        {
            Text(pickle, tensors[i].Key);
            Rebuilt(pickle, tensors[i].Value, key: i);
        }
        pickle.Write("u."u8); // SETITEMS, STOP
        return pickle.ToArray();
    }

    // collections.OrderedDict()
    private static void EmptyDictionary(MemoryStream pickle)
    {
        Global(pickle, "collections", "OrderedDict");
        pickle.Write(")R"u8);
    }

    // torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, backward_hooks)
    private static void Rebuilt(MemoryStream pickle, Tensor tensor, int key)
    {
        Global(pickle, "torch._utils", "_rebuild_tensor_v2");
        pickle.Write("(("u8);
        Text(pickle, "storage");
        var storage = TorchTensor.StorageName(tensor.DataType)!;
        Global(pickle, "torch", storage["torch.".Length..]);
        Text(pickle, key.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Text(pickle, "cpu");
        Integer(pickle, tensor.Length);
        pickle.Write("tQ"u8); // TUPLE, BINPERSID
        Integer(pickle, 0);
        Tuple(pickle, tensor.Shape.Dims.ToArray());
        Tuple(pickle, tensor.Shape.Strides());
        pickle.WriteByte(0x89); // False
        EmptyDictionary(pickle);
        pickle.Write("tR"u8);
    }

    private static void Tuple(MemoryStream pickle, int[] numbers)
    {
        pickle.WriteByte((byte)'(');
        foreach (var number in numbers) Integer(pickle, number);
        pickle.WriteByte((byte)'t');
    }

    private static void Global(MemoryStream pickle, string module, string name) => pickle.Write(Encoding.ASCII.GetBytes($"c{module}\n{name}\n"));

    private static void Text(MemoryStream pickle, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        pickle.WriteByte((byte)'X'); // BINUNICODE
        Int32(pickle, bytes.Length);
        pickle.Write(bytes);
    }

    private static void Integer(MemoryStream pickle, int number)
    {
        pickle.WriteByte((byte)'J'); // BININT
        Int32(pickle, number);
    }

    private static void Int32(MemoryStream pickle, int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        pickle.Write(bytes);
    }
}
