using System.Buffers.Binary;
using System.Text;

namespace Pith.Compression.Data;

/// <summary>A file in a tar archive: its name and where its content lies.</summary>
internal readonly record struct TarEntry(string Name, long Position, long Length);

/// <summary>
/// Lists a tar archive (POSIX.1-2001 and GNU) without reading what the files in it hold. Blocks of 512 bytes: a header with name, size and a checksum, then the content; two blocks of zeros end it. Long names and sizes come in
/// an entry before (types L and x).
/// </summary>
internal static class TarArchive
{
    /// <summary>Bytes of a header.</summary>
    public const int Block = 512;

    private const int MaxExtendedBytes = 1 << 20;

    private static ReadOnlySpan<byte> GzipMagic => [0x1F, 0x8B];

    /// <summary>The ordinary files of an archive, in order; links, folders and other things are left out.</summary>
    /// <param name="archive">The archive, from the position where it begins.</param>
    /// <param name="end">Where it ends in the stream.</param>
    /// <param name="name">What messages call it.</param>
    /// <exception cref="PithException">A header is damaged, or the archive is cut short or compressed.</exception>
    public static IEnumerable<TarEntry> Entries(Stream archive, long end, string name)
    {
        var (header, longName, longSize) = (new byte[Block], (string?)null, -1L);
        for (long begin = archive.Position, at = begin; at < end;)
        {
            archive.Position = at;
            var got = archive.ReadAtLeast(header, Block, throwOnEndOfStream: false);
            if (at == begin && got > GzipMagic.Length && header.AsSpan().StartsWith(GzipMagic)) throw new PithException($"'{name}' is compressed with gzip; images in it could only be read from the beginning. Unpack it first: gunzip FILE.");
            if (end - at < Block || got < Block) throw CutShort(name, at, Block, end - at);
            if (!header.AsSpan().ContainsAnyExcept((byte)0)) yield break;
            CheckSum(header, name, at);
            var type = (char)header[156];
            var size = longSize >= 0 && type is not ('L' or 'K' or 'x' or 'g') ? longSize : Number(header.AsSpan(124, 12), name, at);
            var content = at + Block;
            if (size > end - content) throw CutShort(name, content, size, end - content);
            at = content + (size + Block - 1) / Block * Block;
            if (type is 'L' or 'x')
            {
                if (size > MaxExtendedBytes) throw new PithException($"'{name}', header at byte {content - Block}: a name of {size} bytes, expected at most {MaxExtendedBytes}. The archive is damaged.");
                var text = new byte[size];
                archive.ReadExactly(text);
                if (type == 'L') longName = Encoding.UTF8.GetString(text).TrimEnd('\0');
                else foreach (var (key, value) in Records(text)) (longName, longSize) = (key == "path" ? value : longName, key == "size" && long.TryParse(value, out var number) && number >= 0 ? number : longSize);
                continue;
            }
            if (type is '0' or '\0' or '7') yield return new TarEntry(longName ?? Name(header), content, size);
            if (type is not ('K' or 'g')) (longName, longSize) = (null, -1);
        }
        throw new PithException($"'{name}' is cut short: it ends at byte {end} without the two blocks of zeros that end a tar archive. Fetch it again.");
    }

    /// <summary>The name in the header before an entry's content; a long name is cut off.</summary>
    public static string Name(ReadOnlySpan<byte> header)
    {
        var name = Text(header[..100]);
        // POSIX archives have room for folders; in GNU's the place holds other things.
        return header.Slice(257, 6).SequenceEqual("ustar\0"u8) && Text(header.Slice(345, 155)) is { Length: > 0 } folders ? $"{folders}/{name}" : name;
    }

    private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.IndexOf((byte)0) is >= 0 and var end ? field[..end] : field);

    // The sum of all bytes, those of the checksum taken as spaces.
    private static void CheckSum(ReadOnlySpan<byte> header, string name, long at)
    {
        var sum = 8L * ' ';
        for (var i = 0; i < Block; i++)
            if (i is < 148 or >= 156) sum += header[i];
        var expected = Number(header.Slice(148, 8), name, at);
        if (sum != expected) throw new PithException($"'{name}', header at byte {at}: its checksum is {sum}, the header says {expected}. It is damaged, or not a tar archive; fetch it again.");
    }

    // Octal digits, or for large numbers binary with the highest bit set.
    private static long Number(ReadOnlySpan<byte> field, string name, long at)
    {
        if (field[0] == 0x80) return BinaryPrimitives.ReadInt64BigEndian(field[^8..]) is >= 0 and var large ? large : throw Wrong();
        var digits = Encoding.ASCII.GetString(field).Trim(' ', '\0');
        var number = 0L;
        foreach (var digit in digits) number = digit is >= '0' and <= '7' ? number << 3 | (uint)(digit - '0') : throw Wrong();
        return digits.Length > 0 ? number : throw Wrong();

        PithException Wrong() => new($"'{name}', header at byte {at}: a number that is none. It is damaged, or not a tar archive; fetch it again.");
    }

    // LENGTH KEY=VALUE\n
    private static IEnumerable<(string Key, string Value)> Records(byte[] text)
    {
        for (var at = 0; at < text.Length;)
        {
            var space = Array.IndexOf(text, (byte)' ', at);
            if (space < 0 || !int.TryParse(Encoding.ASCII.GetString(text, at, space - at), out var length) || length < space - at + 2 || length > text.Length - at) yield break;
            var record = Encoding.UTF8.GetString(text, space + 1, length - (space - at) - 2);
            if (record.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals) yield return (record[..equals], record[(equals + 1)..]);
            at += length;
        }
    }

    private static PithException CutShort(string name, long at, long expected, long got) => new($"'{name}' is cut short: {expected} bytes expected at byte {at}, {got} are there. Fetch it again.");
}
