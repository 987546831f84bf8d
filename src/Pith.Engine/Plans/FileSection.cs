using Microsoft.Win32.SafeHandles;

namespace Pith.Plans;

/// <summary>A stream over the first bytes of an open file, with a position of its own. Leaves the file open.</summary>
/// <param name="file">The file.</param>
/// <param name="length">Bytes from its beginning that may be read.</param>
internal sealed class FileSection(SafeFileHandle file, long length) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

    public override long Position
    {
        get;
        set => field = value >= 0 ? value : throw new IOException($"A file cannot be read at position {value}.");
    }

    public override int Read(Span<byte> buffer)
    {
        var read = RandomAccess.Read(file, buffer[..(int)Math.Clamp(length - Position, 0, buffer.Length)], Position);
        Position += read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) =>
        Position = offset + origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => Position, _ => length };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
