using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>
/// A ModelInferRequest whose raw contents are not copied: the generated parser makes an array of each, which for images is large enough to cost a collection of the whole heap now and then. The message lies
/// in a pooled array; its raw contents are parts of that, and the rest, which is small, is parsed as usual. Dispose it when the answer is there.
/// </summary>
internal sealed class RawInferRequest : IDisposable
{
    private byte[] _buffer;

    private RawInferRequest(byte[] buffer, ModelInferRequest message, IReadOnlyList<ReadOnlyMemory<byte>> rawContents) => (_buffer, Message, RawContents) = (buffer, message, rawContents);

    /// <summary>Everything but the raw contents.</summary>
    public ModelInferRequest Message { get; }

    /// <summary>The raw contents, in order.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> RawContents { get; }

    /// <summary>Reads a message of gRPC.</summary>
    /// <exception cref="RpcException">It is not such a message.</exception>
    public static RawInferRequest Read(DeserializationContext context)
    {
        var length = context.PayloadLength;
        var buffer = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            context.PayloadAsReadOnlySequence().CopyTo(buffer);
            return Parse(buffer, length);
        }
        catch (Exception failure) when (failure is InvalidProtocolBufferException or InvalidDataException)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The message is damaged: {failure.Message}"));
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _buffer, []) is { Length: > 0 } buffer) ArrayPool<byte>.Shared.Return(buffer);
    }

    private static RawInferRequest Parse(byte[] buffer, int length)
    {
        const int RawContentsTag = (ModelInferRequest.RawInputContentsFieldNumber << 3) | 2;
        var raw = new List<ReadOnlyMemory<byte>>();
        // The runs of fields between raw contents.
        using var rest = new MemoryStream();
        for (var at = 0; at < length;)
        {
            var begin = at;
            var tag = Varint(buffer, length, ref at);
            var bytes = FieldBytes(tag, buffer, length, ref at);
            if (bytes > (ulong)(length - at)) throw new InvalidDataException("a field is longer than the message");
            var end = at + (int)bytes;
            if (tag == RawContentsTag) raw.Add(buffer.AsMemory(at, (int)bytes));
            else rest.Write(buffer, begin, end - begin);
            at = end;
        }
        return new RawInferRequest(buffer, ModelInferRequest.Parser.ParseFrom(rest.GetBuffer(), 0, (int)rest.Length), raw);
    }

    // Bytes that follow the tag, or the length after it. Groups ended with protobuf 2.
    private static ulong FieldBytes(ulong tag, byte[] buffer, int length, ref int at)
    {
        switch (tag & 7)
        {
            case 0: Varint(buffer, length, ref at); return 0;
            case 1: return 8;
            case 2: return Varint(buffer, length, ref at);
            case 5: return 4;
            default: throw new InvalidDataException($"a field has wire type {tag & 7}");
        }
    }

    private static ulong Varint(byte[] buffer, int length, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64 && at < length; shift += 7)
        {
            var part = buffer[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
        throw new InvalidDataException("a number does not end");
    }
}
