using System.IO.Compression;

namespace Pith.Compression.Data;

/// <summary>Reads an entry of a zip file and compares it with the checksum that the file keeps of it, which .NET does not; bounds what compressed entries unpack to.</summary>
internal sealed class ZipContent : Stream
{
    private readonly Stream _entry;
    private readonly string _name;
    private readonly uint _expected;
    private uint _crc;

    private ZipContent(Stream entry, string name, uint expected) => (_entry, _name, _expected) = (entry, name, expected);

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Opens an entry. Reading to its end throws <see cref="InvalidDataException"/> when the checksum differs.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="path">The archive, for messages.</param>
    /// <param name="advice">How to save a file whose compressed entries are too large.</param>
    /// <exception cref="PithException">It unpacks to too much.</exception>
    public static ZipContent Open(ZipArchiveEntry entry, string path, string advice)
    {
        if (entry.CompressedLength < entry.Length && entry.Length > DataFile.MaxUnpackedBytes)
            throw new PithException($"'{path}:{entry.FullName}' unpacks to {entry.Length} bytes, more than the limit of {DataFile.MaxUnpackedBytes} for compressed content. {advice}");
        return new ZipContent(entry.Open(), entry.FullName, entry.Crc32);
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var got = _entry.Read(buffer);
        if (got > 0) _crc = Crc32.Append(_crc, buffer[..got]);
        // PyTorch can leave checksums out (torch.serialization.set_crc32_options): they are 0 then.
        else if (buffer.Length > 0 && _crc != _expected && _expected != 0) throw new InvalidDataException($"the checksum of '{_name}' is {_crc:X8}, the archive says {_expected:X8}.");
        return got;
    }

    /// <inheritdoc/>
    public override void Flush() { }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _entry.Dispose();
        base.Dispose(disposing);
    }
}
