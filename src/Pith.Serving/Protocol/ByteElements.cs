using System.Buffers.Binary;
using System.Text;

namespace Pith.Serving;

/// <summary>BYTES tensors: elements of any length, each after four bytes with its length.</summary>
internal static class ByteElements
{
    private const int LengthBytes = sizeof(uint);

    /// <summary>The elements, without copies.</summary>
    /// <exception cref="RequestException">A length does not fit, or there are not as many as <paramref name="count"/>.</exception>
    public static ReadOnlyMemory<byte>[] Read(string name, ReadOnlyMemory<byte> data, long count)
    {
        // Each element takes a length at least: a count that cannot be is refused before memory is taken for it.
        if (count > data.Length / LengthBytes) throw RequestException.Invalid($"Input '{name}' has {count} BYTES elements by its shape; {data.Length} bytes of data cannot hold them. Each element comes after its length, 4 bytes little-endian.");
        var elements = new ReadOnlyMemory<byte>[count];
        for (var i = 0; i < elements.Length; i++)
        {
            if (data.Length < LengthBytes || BinaryPrimitives.ReadUInt32LittleEndian(data.Span) is var length && length > data.Length - LengthBytes)
                throw RequestException.Invalid($"Input '{name}': BYTES element {i} of {count} does not fit the data. Each element comes after its length, 4 bytes little-endian.");
            elements[i] = data.Slice(LengthBytes, (int)length);
            data = data[(LengthBytes + (int)length)..];
        }
        return data.IsEmpty ? elements : throw RequestException.Invalid($"Input '{name}' has {data.Length} bytes after its {count} BYTES elements.");
    }

    /// <summary>Texts as elements.</summary>
    public static byte[] Write(IEnumerable<string> texts)
    {
        using var stream = new MemoryStream();
        foreach (var text in texts) Append(stream, Encoding.UTF8.GetBytes(text));
        return stream.ToArray();
    }

    /// <summary>Adds one element.</summary>
    public static void Append(MemoryStream stream, ReadOnlySpan<byte> element)
    {
        Span<byte> length = stackalloc byte[LengthBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(length, (uint)element.Length);
        stream.Write(length);
        stream.Write(element);
    }
}
