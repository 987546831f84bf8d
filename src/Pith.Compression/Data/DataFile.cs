using System.IO.Compression;

namespace Pith.Compression.Data;

/// <summary>Reads whole files and streams with a bound on memory, and turns input/output failures into messages for people.</summary>
internal static class DataFile
{
    /// <summary>No array that is read may be larger: an array's index is an int.</summary>
    public static int MaxBytes => Array.MaxLength;

    /// <summary>No compressed file may unpack to more, 1 GiB: a small file can hold any number of equal bytes.</summary>
    public const long MaxUnpackedBytes = 1L << 30;

    private const int ChunkBytes = 1 << 20;

    /// <summary>All bytes of a file.</summary>
    public static byte[] ReadAllBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>All bytes of a file, decompressed when its name ends in .gz.</summary>
    public static byte[] ReadAllBytesOrGzip(string path)
    {
        if (!path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)) return ReadAllBytes(path);
        try
        {
            using var gzip = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            using var bytes = new MemoryStream();
            CopyBounded(gzip, bytes, path);
            return bytes.ToArray();
        }
        catch (InvalidDataException e)
        {
            throw new PithException($"'{path}' is not a valid gzip file: {e.Message} It is damaged or cut short; fetch it again.", e);
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>
    /// Exactly <paramref name="count"/> bytes of a stream, or null when it ends before. Memory grows with what arrives, so that a false
    /// length in a header cannot take memory that the file does not fill.
    /// </summary>
    public static byte[]? ReadExactly(Stream stream, int count)
    {
        var bytes = new byte[Math.Min(count, ChunkBytes)];
        for (var have = 0; have < count;)
        {
            if (have == bytes.Length) Array.Resize(ref bytes, (int)Math.Min(count, 2L * bytes.Length));
            var got = stream.Read(bytes, have, bytes.Length - have);
            if (got == 0) return null;
            have += got;
        }
        return bytes;
    }

    /// <summary>Bytes from a position of a file, which is opened for this alone: any number of threads may read from it.</summary>
    /// <exception cref="PithException">The file cannot be read, or ends before.</exception>
    public static byte[] ReadAt(string path, long position, int count)
    {
        try
        {
            using var file = File.OpenHandle(path);
            var bytes = new byte[count];
            for (int have = 0, got; have < count; have += got)
                if ((got = RandomAccess.Read(file, bytes.AsSpan(have), position + have)) == 0) throw new PithException($"'{path}' is cut short: {count} bytes expected at byte {position}, {have} are there. It has changed since it was opened.");
            return bytes;
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>Whether reading failed for a reason outside the program: file missing, no permission, a device error.</summary>
    public static bool IsUnreadable(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException;

    /// <summary>The exception to throw for one that <see cref="IsUnreadable"/> accepts.</summary>
    public static PithException Unreadable(string path, Exception e) => new($"Cannot read '{path}': {(Directory.Exists(path) ? "it is a folder, expected a file." : e.Message)}", e);

    private static void CopyBounded(Stream from, MemoryStream to, string path)
    {
        var chunk = new byte[ChunkBytes];
        for (int got; (got = from.Read(chunk)) > 0;)
        {
            if (to.Length + got > MaxUnpackedBytes) throw new PithException($"'{path}' unpacks to more than {MaxUnpackedBytes} bytes, the limit for compressed files. Unpack it first, or split it.");
            to.Write(chunk, 0, got);
        }
    }
}
