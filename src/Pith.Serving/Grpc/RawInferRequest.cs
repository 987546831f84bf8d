using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>
/// A ModelInferRequest whose raw contents are not copied: the generated parser makes an array of each, which for images is large enough to cost a collection of the whole heap now and then. The raw contents
/// are parts of the body, which <see cref="GrpcBodies"/> keeps until the call is answered; the rest, which is small, is parsed as usual.
/// </summary>
internal sealed class RawInferRequest
{
    private RawInferRequest(ModelInferRequest message, IReadOnlyList<ReadOnlyMemory<byte>> rawContents) => (Message, RawContents) = (message, rawContents);

    /// <summary>Everything but the raw contents.</summary>
    public ModelInferRequest Message { get; }

    /// <summary>The raw contents, in order.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> RawContents { get; }

    /// <summary>Reads a message of gRPC.</summary>
    /// <exception cref="InvalidProtocolBufferException">A field is not what it should be.</exception>
    /// <exception cref="InvalidDataException">It is not made of fields.</exception>
    public static RawInferRequest Read(DeserializationContext context)
    {
        var payload = context.PayloadAsReadOnlySequence();
        return Parse(payload.IsSingleSegment ? payload.First : payload.ToArray());
    }

    private static RawInferRequest Parse(ReadOnlyMemory<byte> body)
    {
        var bytes = body.Span;
        const int RawContentsTag = (ModelInferRequest.RawInputContentsFieldNumber << 3) | 2;
        var raw = new List<ReadOnlyMemory<byte>>();
        // The runs of fields between raw contents.
        using var rest = new MemoryStream();
        for (var at = 0; at < bytes.Length;)
        {
            var begin = at;
            var tag = Varint(bytes, ref at);
            var length = FieldBytes(tag, bytes, ref at);
            if (length > (ulong)(bytes.Length - at)) throw new InvalidDataException("a field is longer than the message");
            var end = at + (int)length;
            if (tag == RawContentsTag) raw.Add(body[at..end]);
            else rest.Write(bytes[begin..end]);
            at = end;
        }
        return new RawInferRequest(ModelInferRequest.Parser.ParseFrom(rest.GetBuffer(), 0, (int)rest.Length), raw);
    }

    // Bytes that follow the tag, or the length after it. Groups ended with protobuf 2.
    private static ulong FieldBytes(ulong tag, ReadOnlySpan<byte> bytes, ref int at)
    {
        switch (tag & 7)
        {
            case 0: Varint(bytes, ref at); return 0;
            case 1: return 8;
            case 2: return Varint(bytes, ref at);
            case 5: return 4;
            default: throw new InvalidDataException($"a field has wire type {tag & 7}");
        }
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            var part = bytes[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return value;
        }
        throw new InvalidDataException("a number does not end");
    }
}
