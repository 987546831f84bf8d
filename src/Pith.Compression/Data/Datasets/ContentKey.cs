using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Pith.Compression.Data;

/// <summary>Identifies an image by its content, whatever its path: two images with equal content are the same. Whether files have changed is told by <see cref="DataIdentity"/>.</summary>
/// <param name="Length">Bytes of the content.</param>
/// <param name="Hash">The first 64 bits of its SHA-256.</param>
internal readonly record struct ContentKey(long Length, ulong Hash)
{
    private const int StartBytes = 4096;

    /// <summary>The key of bytes in memory.</summary>
    public static ContentKey Of(ReadOnlySpan<byte> bytes) => new(bytes.Length, BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(bytes)));

    /// <summary>The key of a file: of its whole content, or of its length and first bytes, which is cheap and in practice differs between different images.</summary>
    /// <exception cref="PithException">The file cannot be read.</exception>
    public static ContentKey OfFile(string path, bool whole)
    {
        try
        {
            using var file = File.OpenRead(path);
            if (whole) return new(file.Length, BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(file)));
            var start = new byte[Math.Min(StartBytes, file.Length)];
            return Of(start.AsSpan(0, file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false))) with { Length = file.Length };
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(path, e);
        }
    }

    /// <summary>The key of a file that lies in an archive: the same as that of the file on its own.</summary>
    /// <exception cref="PithException">The archive cannot be read.</exception>
    public static ContentKey OfPart(string path, long position, int length, bool whole) =>
        Of(DataFile.ReadAt(path, position, whole ? length : Math.Min(StartBytes, length))) with { Length = length };
}
