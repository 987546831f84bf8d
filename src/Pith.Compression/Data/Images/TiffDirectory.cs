using System.Buffers.Binary;

namespace Pith.Compression.Data;

/// <summary>
/// The first directory of a TIFF structure (TIFF 6.0, Adobe 1992; BigTIFF with 64-bit offsets): entries of a tag, a type, a count and a value or where the values are. EXIF blocks have this structure too.
/// </summary>
internal sealed class TiffDirectory
{
    // Bytes of an element by type: BYTE, ASCII, SHORT, LONG, RATIONAL, SBYTE, UNDEFINED, SSHORT, SLONG, SRATIONAL, FLOAT, DOUBLE, IFD; of BigTIFF LONG8, SLONG8, IFD8.
    private static readonly byte[] s_typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

    private readonly ReadOnlyMemory<byte> _file;
    private readonly bool _isLittleEndian;
    private readonly SortedDictionary<int, Entry> _entries = [];

    /// <summary>An entry: where it is, the type of its elements, how many there are, and where the first is.</summary>
    private readonly record struct Entry(long At, int Type, long Count, long ValueAt);

    private TiffDirectory(ReadOnlyMemory<byte> file, bool isLittleEndian, bool isBig) => (_file, _isLittleEndian, IsBig) = (file, isLittleEndian, isBig);

    /// <summary>Whether offsets have 64 bits.</summary>
    public bool IsBig { get; }

    private int EntryBytes => IsBig ? 20 : 12;

    private int OffsetBytes => IsBig ? 8 : 4;

    /// <summary>Whether a file starts like TIFF or BigTIFF.</summary>
    public static bool Matches(byte[] file) => file.Length >= 8 && (file.AsSpan().StartsWith("II*\0"u8) || file.AsSpan().StartsWith("MM\0*"u8) || file.AsSpan().StartsWith("II+\0"u8) || file.AsSpan().StartsWith("MM\0+"u8));

    /// <summary>Reads the first directory; null when there is none, with the reason.</summary>
    public static TiffDirectory? TryRead(ReadOnlyMemory<byte> file, out string problem)
    {
        problem = "it does not start with II or MM and the number 42 or 43";
        if (file.Length < 8 || !Matches(file[..8].ToArray())) return null;
        var isLittleEndian = file.Span[0] == 'I';
        var directory = new TiffDirectory(file, isLittleEndian, isBig: file.Span[isLittleEndian ? 2 : 3] == '+');
        problem = "its directory lies outside of it or is cut short";
        return directory.ReadEntries() ? directory : null;
    }

    /// <summary>Whether there is an entry.</summary>
    public bool Has(int tag) => _entries.ContainsKey(tag);

    /// <summary>The first element of an entry; null when there is no such entry, or it holds no whole number or lies outside of the file.</summary>
    public long? Number(int tag) => Numbers(tag) is [var first, ..] ? first : null;

    /// <summary>The elements of an entry of whole numbers; null as with <see cref="Number"/>.</summary>
    public long[]? Numbers(int tag)
    {
        if (!_entries.TryGetValue(tag, out var entry) || entry.Type is not (1 or 3 or 4 or 13 or 16) || !LiesInFile(entry)) return null;
        var bytes = s_typeBytes[entry.Type];
        var numbers = new long[entry.Count];
        for (var i = 0; i < numbers.Length; i++) numbers[i] = Unsigned(entry.ValueAt + (long)i * bytes, bytes);
        return numbers;
    }

    /// <summary>Whether the values of an entry are in the file; an entry that is not there has none.</summary>
    public bool IsWhole(int tag) => !_entries.TryGetValue(tag, out var entry) || LiesInFile(entry);

    /// <summary>A copy of the file whose only directory has some of the entries of this one, some of them with another number.</summary>
    /// <param name="tags">The entries to keep.</param>
    /// <param name="numbers">Numbers below 2^32 that replace an entry or add it.</param>
    public byte[] Rewrite(IEnumerable<int> tags, IReadOnlyDictionary<int, long> numbers)
    {
        var kept = new SortedSet<int>(tags.Where(Has).Concat(numbers.Keys));
        var start = (_file.Length + 7) / 8 * 8;
        var countBytes = IsBig ? 8 : 2;
        var copy = new byte[start + countBytes + kept.Count * EntryBytes + OffsetBytes]; // the last offset, 0, says that no directory follows
        _file.CopyTo(copy);
        Write(copy, IsBig ? 8 : 4, OffsetBytes, start);
        Write(copy, start, countBytes, kept.Count);
        var at = start + countBytes;
        foreach (var tag in kept)
        {
            if (!numbers.TryGetValue(tag, out var number)) _file.Slice((int)_entries[tag].At, EntryBytes).CopyTo(copy.AsMemory(at));
            else
            {
                const int Long = 4, Short = 3;
                var isShort = number <= ushort.MaxValue;
                Write(copy, at, 2, tag);
                Write(copy, at + 2, 2, isShort ? Short : Long);
                Write(copy, at + 4, OffsetBytes, 1);
                Write(copy, at + 4 + OffsetBytes, isShort ? 2 : 4, number);
            }
            at += EntryBytes;
        }
        return copy;
    }

    private bool ReadEntries()
    {
        var (headerBytes, countBytes) = IsBig ? (16, 8) : (8, 2);
        if (_file.Length < headerBytes) return false;
        var at = Unsigned(headerBytes - OffsetBytes, OffsetBytes);
        if (at < headerBytes || at > _file.Length - countBytes) return false;
        var count = Unsigned(at, countBytes);
        at += countBytes;
        if (count < 0 || count > (_file.Length - at) / EntryBytes) return false;
        for (var i = 0; i < count; i++, at += EntryBytes)
        {
            var (type, elements) = ((int)Unsigned(at + 2, 2), Unsigned(at + 4, OffsetBytes));
            var valueAt = at + 4 + OffsetBytes;
            if (type < s_typeBytes.Length && s_typeBytes[type] > 0 && (elements < 0 || elements > OffsetBytes / s_typeBytes[type])) valueAt = Unsigned(valueAt, OffsetBytes);
            _entries.TryAdd((int)Unsigned(at, 2), new Entry(at, type, elements, valueAt));
        }
        return true;
    }

    private bool LiesInFile(Entry entry)
    {
        var bytes = entry.Type < s_typeBytes.Length ? s_typeBytes[entry.Type] : 0;
        return bytes > 0 && entry.Count >= 0 && entry.ValueAt >= 0 && entry.ValueAt <= _file.Length && entry.Count <= (_file.Length - entry.ValueAt) / bytes;
    }

    /// <summary>An unsigned number; one of 64 bits that does not fit is negative.</summary>
    private long Unsigned(long at, int bytes)
    {
        var span = _file.Span.Slice((int)at, bytes);
        return bytes switch
        {
            1 => span[0],
            2 => _isLittleEndian ? BinaryPrimitives.ReadUInt16LittleEndian(span) : BinaryPrimitives.ReadUInt16BigEndian(span),
            4 => _isLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(span) : BinaryPrimitives.ReadUInt32BigEndian(span),
            _ => _isLittleEndian ? BinaryPrimitives.ReadInt64LittleEndian(span) : BinaryPrimitives.ReadInt64BigEndian(span),
        };
    }

    private void Write(byte[] to, int at, int bytes, long number)
    {
        for (var i = 0; i < bytes; i++) to[at + i] = (byte)(number >> (8 * (_isLittleEndian ? i : bytes - 1 - i)));
    }
}
