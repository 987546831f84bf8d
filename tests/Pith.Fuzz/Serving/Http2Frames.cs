using System.Buffers.Binary;
using System.Text;
using Pith.Fuzz.Hostile;

namespace Pith.Fuzz.Serving;

/// <summary>Calls of gRPC as frames of HTTP/2 (RFC 9113), damaged at one of three levels: the message, the frames, or the order of frames.</summary>
internal static class Http2Frames
{
    private const byte Data = 0, HeaderBlock = 1, Reset = 3, Settings = 4, Ping = 6, WindowUpdate = 8;
    private const byte EndStream = 1, EndHeaders = 4;
    private const int Prefix = 5;

    private static readonly string[] s_methods = ["ModelInfer", "ModelInfer", "ModelInfer", "ModelMetadata", "ModelStatistics", "RepositoryIndex", "ModelStreamInfer", "NoSuchMethod"];

    /// <summary>A damaged message in frames that are right.</summary>
    public static byte[] DamagedMessage(IReadOnlyList<Damage> damages, Random random) => Call(1, Prefixed(Damage.Bytes(Infer(), damages), random), s_methods[random.Next(s_methods.Length)], random);

    /// <summary>Frames damaged anywhere.</summary>
    public static byte[] DamagedFrames(IReadOnlyList<Damage> damages, Random random) => Damage.Bytes(Call(1, Prefixed(Infer(), random), "ModelInfer", random), damages);

    /// <summary>Streams that are opened and reset, pinged, given windows, and left open.</summary>
    public static byte[] Streams(IReadOnlyList<Damage> damages, Random random)
    {
        var frames = new List<byte>(Preface());
        for (var i = 0; i < 1 << random.Next(8); i++)
        {
            var stream = random.Next(16) == 0 ? random.Next() : 2 * i + 1;
            frames.AddRange(Frame(HeaderBlock, EndHeaders, stream, Headers(s_methods[random.Next(s_methods.Length)])));
            switch (damages[i % damages.Count].Kind % 5)
            {
                case 0: frames.AddRange(Frame(Reset, 0, stream, [0, 0, 0, 8])); break;
                case 1: frames.AddRange(Frame(Data, 0, stream, Prefixed(Infer(), random).AsSpan(0, 12))); frames.AddRange(Frame(Reset, 0, stream, [0, 0, 0, 8])); break;
                case 2: frames.AddRange(Frame(WindowUpdate, 0, stream, [0x7F, 255, 255, 255])); break;
                case 3: frames.AddRange(Frame(Ping, 0, 0, new byte[8])); break;
                default: frames.AddRange(Frame(Data, EndStream, stream, Prefixed(Infer(), random))); break;
            }
        }
        return [.. frames];
    }

    private static byte[] Call(int stream, byte[] body, string method, Random random)
    {
        var frames = new List<byte>(Preface());
        frames.AddRange(Frame(HeaderBlock, EndHeaders, stream, Headers(method)));
        var split = random.Next(body.Length + 1);
        frames.AddRange(Frame(Data, 0, stream, body.AsSpan(0, split)));
        frames.AddRange(Frame(Data, EndStream, stream, body.AsSpan(split)));
        return [.. frames];
    }

    private static byte[] Preface() => [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [])];

    private static byte[] Frame(byte type, byte flags, int stream, ReadOnlySpan<byte> payload)
    {
        var frame = new byte[9 + payload.Length];
        (frame[0], frame[1], frame[2], frame[3], frame[4]) = ((byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame.AsSpan(9));
        return frame;
    }

    // HPACK: literals without indexing; 0x83 is :method POST, 0x86 is :scheme http.
    private static byte[] Headers(string method)
    {
        var block = new List<byte> { 0x83, 0x86 };
        foreach (var (name, value) in new[] { (":path", $"/inference.GRPCInferenceService/{method}"), (":authority", "x"), ("te", "trailers"), ("content-type", "application/grpc") })
        {
            block.Add(0);
            foreach (var text in (string[])[name, value])
            {
                block.Add((byte)text.Length);
                block.AddRange(Encoding.ASCII.GetBytes(text));
            }
        }
        return [.. block];
    }

    // Whether it is compressed, its length, the message: as gRPC has them in the body.
    private static byte[] Prefixed(byte[] message, Random random)
    {
        var body = new byte[Prefix + message.Length];
        body[0] = (byte)(random.Next(16) == 0 ? 1 : 0);
        BinaryPrimitives.WriteUInt32BigEndian(body.AsSpan(1), random.Next(8) == 0 ? (uint)Damage.Extremes[random.Next(Damage.Extremes.Length)] : (uint)message.Length);
        message.CopyTo(body.AsSpan(Prefix));
        return body;
    }

    // ModelInferRequest: model_name = 1, id = 3, inputs = 5 { name = 1, datatype = 2, shape = 3 }, raw_input_contents = 7.
    private static byte[] Infer()
    {
        byte[] input = [.. Field(1, "x"u8), .. Field(2, "FP32"u8), .. Field(3, [1, 4])];
        return [.. Field(1, "net"u8), .. Field(3, "7"u8), .. Field(5, input), .. Field(7, new byte[16])];

        static byte[] Field(int number, ReadOnlySpan<byte> content) => [(byte)(number << 3 | 2), (byte)content.Length, .. content];
    }
}
