using System.Buffers.Binary;
using System.Numerics;

namespace Pith.Compression.Data;

/// <summary>A record of a TFRecord file.</summary>
/// <param name="Number">Its number in the file, from 0.</param>
/// <param name="Position">Where its content begins.</param>
/// <param name="Length">Bytes of its content.</param>
internal readonly record struct TfRecord(int Number, long Position, int Length);

/// <summary>
/// TFRecord files (https://www.tensorflow.org/tutorials/load_data/tfrecord): for each record the length of its content in 8 bytes, a masked CRC-32C of these, the content, and its masked CRC-32C, all little-endian.
/// </summary>
internal static class TfRecordFile
{
    private const int HeaderBytes = 12, ChecksumBytes = 4;

    private static ReadOnlySpan<byte> GzipMagic => [0x1F, 0x8B];

    /// <summary>The records of a file, in order; contents are not read, and not checked yet.</summary>
    /// <param name="file">The file, which moves.</param>
    /// <param name="path">What messages call it.</param>
    /// <exception cref="PithException">The length of a record is damaged, or the file is cut short or compressed.</exception>
    public static IEnumerable<TfRecord> Records(FileStream file, string path)
    {
        var header = new byte[HeaderBytes];
        var (at, end) = (0L, file.Length);
        for (var number = 0; at < end; number++)
        {
            file.Position = at;
            var got = file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false);
            if (number == 0 && header.AsSpan().StartsWith(GzipMagic)) throw new PithException($"'{path}' is compressed with gzip; records in it could only be read from the beginning. Unpack it first, or write it without compression.");
            if (got < HeaderBytes) throw CutShort(path, number, at, HeaderBytes, got);
            Check(header.AsSpan(0, 8), BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)), "length", path, number, at);
            var length = BinaryPrimitives.ReadUInt64LittleEndian(header);
            if (length > int.MaxValue - ChecksumBytes) throw new PithException($"'{path}', record {number} at byte {at}: {length} bytes, expected at most {int.MaxValue - ChecksumBytes}.");
            var left = end - at - HeaderBytes;
            if ((long)length + ChecksumBytes > left) throw CutShort(path, number, at + HeaderBytes, (long)length + ChecksumBytes, left);
            yield return new TfRecord(number, at + HeaderBytes, (int)length);
            at += HeaderBytes + (long)length + ChecksumBytes;
        }
    }

    /// <summary>The content of a record, compared with its checksum.</summary>
    /// <exception cref="PithException">The file cannot be read, or the content is damaged.</exception>
    public static ReadOnlyMemory<byte> Content(string path, TfRecord record)
    {
        var bytes = DataFile.ReadAt(path, record.Position, record.Length + ChecksumBytes);
        var content = bytes.AsMemory(0, record.Length);
        Check(content.Span, BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(record.Length)), "content", path, record.Number, record.Position);
        return content;
    }

    /// <summary>Writes one record.</summary>
    public static void Write(Stream file, ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[HeaderBytes], checksum = stackalloc byte[ChecksumBytes];
        BinaryPrimitives.WriteInt64LittleEndian(header, content.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], MaskedCrc(header[..8]));
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedCrc(content));
        file.Write(header);
        file.Write(content);
        file.Write(checksum);
    }

    /// <summary>CRC-32C (Castagnoli), rotated and moved as TensorFlow keeps it, so that a checksum of data with checksums in it stays one.</summary>
    public static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var b in bytes) crc = BitOperations.Crc32C(crc, b);
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }

    private static void Check(ReadOnlySpan<byte> bytes, uint expected, string what, string path, int number, long at)
    {
        var crc = MaskedCrc(bytes);
        if (crc != expected) throw new PithException($"'{path}', record {number}, {what} at byte {at}: its checksum is {crc:X8}, the file says {expected:X8}. It is damaged, or not a TFRecord file; fetch or write it again.");
    }

    private static PithException CutShort(string path, int number, long at, long expected, long got) =>
        new($"'{path}', record {number}, is cut short: {expected} bytes expected at byte {at}, {got} are there. Fetch or write it again.");
}
