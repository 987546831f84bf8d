using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pith.Compression.Data;

/// <summary>
/// NumPy's array file (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), versions 1 to 3: magic, version, length of
/// the header, header (a Python dictionary), elements in C order. Little-endian numbers of every type that a <see cref="Tensor"/> holds.
/// </summary>
public static partial class Npy
{
    private const int Alignment = 64, MaxHeaderBytes = 1 << 20, MaxRank = 32;

    // NumPy's type codes; | means that byte order does not matter.
    private static readonly (string Code, DataType Type)[] _types =
    [
        ("<f4", DataType.Float32), ("<f8", DataType.Float64), ("<f2", DataType.Float16), ("|b1", DataType.Bool),
        ("|u1", DataType.UInt8), ("<u2", DataType.UInt16), ("<u4", DataType.UInt32), ("<u8", DataType.UInt64),
        ("|i1", DataType.Int8), ("<i2", DataType.Int16), ("<i4", DataType.Int32), ("<i8", DataType.Int64),
    ];

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads a .npy file.</summary>
    /// <exception cref="PithException">The file cannot be read, is damaged, or holds what a tensor cannot: Fortran order, big-endian or structured elements.</exception>
    public static Tensor Read(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Read(file, path, file.CanSeek ? file.Length : long.MaxValue);
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(path, e);
        }
    }

    /// <summary>Reads one array from a stream that ends where the array ends.</summary>
    /// <param name="stream">Need not be seekable.</param>
    /// <param name="sourceName">What messages call it.</param>
    /// <exception cref="PithException">As in <see cref="Read(string)"/>.</exception>
    public static Tensor Read(Stream stream, string sourceName) => Read(stream, sourceName, long.MaxValue);

    /// <param name="stream">Need not be seekable.</param>
    /// <param name="sourceName">What messages call it.</param>
    /// <param name="available">The most that the stream can hold, in bytes: a header that claims more is false.</param>
    internal static Tensor Read(Stream stream, string sourceName, long available)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var (type, shape) = ParseHeader(ReadHeader(stream, sourceName), sourceName);
        var byteCount = (long)shape.Length * type.SizeInBytes();
        if (byteCount > DataFile.MaxBytes) throw new PithException($"NPY '{sourceName}': {type.ShortName()}{shape} has {byteCount} bytes, expected at most {DataFile.MaxBytes}.");
        var bytes = (byteCount <= available ? DataFile.ReadExactly(stream, (int)byteCount) : null)
            ?? throw new PithException($"NPY '{sourceName}' is cut short: expected {byteCount} bytes of {type.ShortName()}{shape}. Write or fetch it again.");
        if (stream.ReadByte() >= 0) throw new PithException($"NPY '{sourceName}' has bytes after its {byteCount} bytes of {type.ShortName()}{shape}: it is damaged.");
        if (type == DataType.Bool) Normalize(bytes);
        var tensor = Tensor.Zeros(type, shape);
        bytes.CopyTo(tensor.Bytes);
        return tensor;
    }

    /// <summary>Type and shape of the array that a stream holds, without its elements.</summary>
    /// <exception cref="PithException">As in <see cref="Read(string)"/>.</exception>
    internal static (DataType Type, Shape Shape) ReadType(Stream stream, string sourceName) => ParseHeader(ReadHeader(stream, sourceName), sourceName);

    /// <summary>Writes a .npy file; a reader never sees a part of it. Types that NumPy lacks are written as the next one that holds their values: integers of 4 bits as 8, bfloat16 and 8-bit floats as float32.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public static void Write(string path, Tensor tensor) => AtomicFile.Write(path, stream => Write(stream, tensor));

    /// <summary>Writes one array, version 1.</summary>
    public static void Write(Stream stream, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensor);
        tensor = tensor.DataType switch
        {
            DataType.UInt4 => tensor.ConvertTo(DataType.UInt8),
            DataType.Int4 => tensor.ConvertTo(DataType.Int8),
            DataType.BFloat16 or DataType.Float8E4M3 or DataType.Float8E5M2 => tensor.ConvertTo(DataType.Float32),
            _ => tensor,
        };
        var code = _types.First(t => t.Type == tensor.DataType).Code;
        var dims = string.Join(", ", tensor.Shape.Dims) + (tensor.Shape.Rank == 1 ? "," : "");
        var header = $"{{'descr': '{code}', 'fortran_order': False, 'shape': ({dims}), }}";
        var prefix = Magic.Length + 4; // two bytes of version, two of length
        header = header.PadRight((prefix + header.Length + 1 + Alignment - 1) / Alignment * Alignment - prefix - 1) + '\n';
        var length = new byte[2];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)header.Length);
        stream.Write(Magic);
        stream.Write([1, 0, .. length, .. Encoding.ASCII.GetBytes(header)]);
        stream.Write(tensor.Bytes);
    }

    private static string ReadHeader(Stream stream, string sourceName)
    {
        var start = DataFile.ReadExactly(stream, Magic.Length + 2);
        if (start is null || !start.AsSpan().StartsWith(Magic)) throw new PithException($"NPY '{sourceName}': expected it to start with the magic of a NumPy array, 93 'NUMPY'. Save it with numpy.save.");
        int version = start[Magic.Length], lengthBytes = version == 1 ? 2 : 4;
        if (version is < 1 or > 3) throw new PithException($"NPY '{sourceName}' has format version {version}, expected 1, 2 or 3.");
        var lengthField = DataFile.ReadExactly(stream, lengthBytes);
        var length = lengthField is null ? 0 : lengthBytes == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(lengthField) : BinaryPrimitives.ReadUInt32LittleEndian(lengthField);
        var header = length is > 0 and <= MaxHeaderBytes ? DataFile.ReadExactly(stream, (int)length) : null;
        return header is null ? throw new PithException($"NPY '{sourceName}': its header of {length} bytes is cut short or impossible. The file is damaged.")
            : Encoding.UTF8.GetString(header);
    }

    private static (DataType Type, Shape Shape) ParseHeader(string header, string sourceName)
    {
        PithException Wrong(string expected) => new($"NPY '{sourceName}': expected {expected}, got the header {header.Trim()}.");
        var code = DescrPattern().Match(header) is { Success: true } descr ? descr.Groups[1].Value : throw Wrong("one number type ('descr')");
        if (OrderPattern().Match(header) is not { Success: true } order) throw Wrong("'fortran_order'");
        if (order.Groups[1].Value == "True") throw Wrong("C order (save numpy.ascontiguousarray(x))");
        if (_types.FirstOrDefault(t => t.Code[1..] == code[1..] && (t.Code[0] == code[0] || t.Code[0] == '|')) is not { Code: not null } known)
            throw Wrong($"little-endian numbers of one of the types {string.Join(" ", _types.Select(t => t.Code))}");
        if (ShapePattern().Match(header) is not { Success: true } shape) throw Wrong("'shape'");
        var dims = new List<int>();
        foreach (var dim in shape.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            dims.Add(int.TryParse(dim, NumberStyles.None, null, out var size) && dims.Count < MaxRank ? size : throw Wrong($"a shape of at most {MaxRank} sizes below 2^31"));
        return (known.Type, new Shape([.. dims]));
    }

    /// <summary>A .NET bool must be 0 or 1.</summary>
    internal static void Normalize(Span<byte> bools)
    {
        foreach (ref var b in bools) b = b != 0 ? (byte)1 : (byte)0;
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([<>|=][a-zA-Z]\d+)'")]
    private static partial Regex DescrPattern();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex OrderPattern();

    [GeneratedRegex(@"'shape'\s*:\s*\(([\d\s,]*)\)")]
    private static partial Regex ShapePattern();
}
