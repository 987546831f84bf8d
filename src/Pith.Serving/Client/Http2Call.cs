using System.Buffers.Binary;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Pith.Serving;

/// <summary>
/// A connection of HTTP/2 (RFC 9113) that makes one unary call of gRPC after the other, always the same one: its frames are made once, as large as the server allows, and sent with one system call. .NET's own
/// client sends frames of 16 kB and hands each to another thread and back, which for tensors takes longer than many networks run. Not thread-safe.
/// </summary>
internal sealed class Http2Call : IDisposable
{
    private const byte Data = 0, Headers = 1, Reset = 3, Settings = 4, Ping = 6, GoAway = 7, WindowUpdate = 8, Continuation = 9;
    private const byte EndStream = 1, Ack = 1, EndHeaders = 4, Padded = 8, HasPriority = 32;
    private const int FrameHead = 9;
    private const int Cancel = 8;
    private const int Window = int.MaxValue;
    private const int DefaultWindow = 65_535;

    // The server may split what it likes: as large a frame as is ever useful.
    private const int MostFrameBytes = 256 << 10;

    private readonly Stream _stream;
    private readonly byte[] _headerBlock;
    private readonly ReadOnlyMemory<byte> _message;
    private byte[] _received = new byte[64 << 10];
    private int _begin;
    private int _end;
    private byte[] _request = [];
    private int[] _frames = [];
    private int _frameBytes = 16 << 10;
    private int _streamWindow = DefaultWindow;
    private long _window = DefaultWindow;
    private int _id = -1;

    private Http2Call(Stream stream, byte[] headerBlock, ReadOnlyMemory<byte> message) => (_stream, _headerBlock, _message) = (stream, headerBlock, message);

    /// <summary>Whether another call can be made.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>Connects.</summary>
    /// <param name="server">The server.</param>
    /// <param name="method">The path of the method: <c>/package.Service/Method</c>.</param>
    /// <param name="message">The message of every call.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="IOException">The server does not speak HTTP/2, or the connection is lost.</exception>
    /// <exception cref="SocketException">The server cannot be reached.</exception>
    public static async Task<Http2Call> ConnectAsync(ServerAddress server, string method, ReadOnlyMemory<byte> message, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            await socket.ConnectAsync(server.Address.Host, server.Address.Port, cancellation).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (server.Address.Scheme == Uri.UriSchemeHttps)
            {
                var tls = new SslStream(stream);
                stream = tls;
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = server.Address.Host, ApplicationProtocols = [SslApplicationProtocol.Http2], CertificateChainPolicy = server.TrustPolicy() }, cancellation).ConfigureAwait(false);
            }
            var call = new Http2Call(stream, HeaderBlock(server, method), message);
            await call.BeginAsync(cancellation).ConfigureAwait(false);
            return call;
        }
        catch
        {
            stream?.Dispose();
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Makes the call.</summary>
    /// <returns>Its status (0: answered), and what the server says about it.</returns>
    /// <exception cref="IOException">The connection is lost.</exception>
    public async Task<(int Status, string Message)> CallAsync(CancellationToken cancellation)
    {
        try
        {
            var answer = new Answer();
            Number(_id += 2);
            var window = (long)_streamWindow;
            for (var frame = 0; frame + 1 < _frames.Length;)
            {
                // As many frames as the windows have room for; the first has the headers, which need none.
                var last = frame;
                while (last + 1 < _frames.Length && Room(last) <= Math.Min(_window, window))
                {
                    (_window, window) = (_window - Room(last), window - Room(last));
                    last++;
                }
                if (last > frame) await _stream.WriteAsync(_request.AsMemory(_frames[frame].._frames[last]), cancellation).ConfigureAwait(false);
                else window += await ReadFrameAsync(answer, cancellation).ConfigureAwait(false);
                frame = last;
                if (!answer.IsEnded || frame + 1 == _frames.Length) continue;
                // Refused before all of it was sent: the rest never comes.
                await SendAsync(Reset, 0, _id, BigEndian(Cancel), cancellation).ConfigureAwait(false);
                break;
            }
            while (!answer.IsEnded) await ReadFrameAsync(answer, cancellation).ConfigureAwait(false);
            if (answer.Received > 0) await SendAsync(WindowUpdate, 0, 0, BigEndian(answer.Received), cancellation).ConfigureAwait(false);
            // After int.MaxValue there are no more streams.
            IsOpen &= _id < int.MaxValue - 2;
            return Status(answer.Fields.GetBuffer().AsSpan(0, (int)answer.Fields.Length));
        }
        catch
        {
            IsOpen = false;
            throw;
        }
    }

    public void Dispose() => _stream.Dispose();

    private static (int Status, string Message) Status(ReadOnlySpan<byte> fields)
    {
        try
        {
            return int.TryParse(HpackFields.Find(fields, "grpc-status"), NumberStyles.None, CultureInfo.InvariantCulture, out var status)
                ? (status, Uri.UnescapeDataString(HpackFields.Find(fields, "grpc-message") ?? ""))
                : throw new IOException("The server's answer has no grpc-status. Is this its gRPC port?");
        }
        catch (InvalidDataException damaged)
        {
            throw new IOException($"The server's answer is damaged: {damaged.Message}.", damaged);
        }
    }

    // Literals without indexing, whose lengths fit into seven bits or go on; 0x83 is POST, 0x86 http, 0x87 https.
    private static byte[] HeaderBlock(ServerAddress server, string method)
    {
        using var block = new MemoryStream();
        block.WriteByte(0x83);
        block.WriteByte((byte)(server.Address.Scheme == Uri.UriSchemeHttps ? 0x87 : 0x86));
        foreach (var (name, value) in new[] { (":path", method), (":authority", server.Address.Authority), ("te", "trailers"), ("content-type", "application/grpc"), ("authorization", server.Token is { } token ? $"Bearer {token}" : "") })
        {
            if (value.Length == 0) continue;
            block.WriteByte(0);
            foreach (var text in (string[])[name, value])
            {
                var rest = text.Length - 127;
                block.WriteByte((byte)Math.Min(text.Length, 127));
                if (rest >= 0)
                {
                    for (; rest >= 128; rest >>= 7) block.WriteByte((byte)(rest & 127 | 128));
                    block.WriteByte((byte)rest);
                }
                block.Write(Encoding.ASCII.GetBytes(text));
            }
        }
        return block.ToArray();
    }

    private static byte[] BigEndian(int number)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return bytes;
    }

    // No table of headers, no pushes, and windows that answers never fill.
    private async Task BeginAsync(CancellationToken cancellation)
    {
        await _stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), cancellation).ConfigureAwait(false);
        await SendAsync(Settings, 0, 0, [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 4, .. BigEndian(Window)], cancellation).ConfigureAwait(false);
        await SendAsync(WindowUpdate, 0, 0, BigEndian(Window - DefaultWindow), cancellation).ConfigureAwait(false);
        // Its settings come first.
        await ReadFrameAsync(new Answer(), cancellation).ConfigureAwait(false);
    }

    // The whole call as it is sent: headers, then the message after its length in frames of one size. Frame i stands at _frames[i] and ends at _frames[i + 1].
    private void Frame()
    {
        const int Prefix = 5;
        var body = new byte[Prefix + _message.Length];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), _message.Length);
        _message.Span.CopyTo(body.AsSpan(Prefix));
        var count = (body.Length + _frameBytes - 1) / _frameBytes;
        _request = new byte[FrameHead + _headerBlock.Length + count * FrameHead + body.Length];
        _frames = new int[count + 2];
        Head(_request, _headerBlock.Length, Headers, EndHeaders, 0);
        _headerBlock.CopyTo(_request.AsSpan(FrameHead));
        _frames[1] = FrameHead + _headerBlock.Length;
        for (var i = 0; i < count; i++)
        {
            var part = body.AsSpan(i * _frameBytes, Math.Min(_frameBytes, body.Length - i * _frameBytes));
            Head(_request.AsSpan(_frames[i + 1]), part.Length, Data, i == count - 1 ? EndStream : (byte)0, 0);
            part.CopyTo(_request.AsSpan(_frames[i + 1] + FrameHead));
            _frames[i + 2] = _frames[i + 1] + FrameHead + part.Length;
        }
    }

    private void Number(int stream)
    {
        if (_frames.Length == 0) Frame();
        for (var i = 0; i + 1 < _frames.Length; i++) BinaryPrimitives.WriteInt32BigEndian(_request.AsSpan(_frames[i] + 5), stream);
    }

    private int Room(int frame) => frame == 0 ? 0 : _frames[frame + 1] - _frames[frame] - FrameHead;

    private static void Head(Span<byte> frame, int length, byte type, byte flags, int stream)
    {
        (frame[0], frame[1], frame[2], frame[3], frame[4]) = ((byte)(length >> 16), (byte)(length >> 8), (byte)length, type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame[5..], stream);
    }

    private async Task SendAsync(byte type, byte flags, int stream, byte[] payload, CancellationToken cancellation)
    {
        var frame = new byte[FrameHead + payload.Length];
        Head(frame, payload.Length, type, flags, stream);
        payload.CopyTo(frame, FrameHead);
        await _stream.WriteAsync(frame, cancellation).ConfigureAwait(false);
    }

    // Reads one frame and does what it asks for. Returns by how much the window of this call's stream grows.
    private async Task<int> ReadFrameAsync(Answer answer, CancellationToken cancellation)
    {
        await FillAsync(FrameHead, cancellation).ConfigureAwait(false);
        var length = (_received[_begin] << 16) | (_received[_begin + 1] << 8) | _received[_begin + 2];
        var (type, flags) = (_received[_begin + 3], _received[_begin + 4]);
        var stream = BinaryPrimitives.ReadInt32BigEndian(_received.AsSpan(_begin + 5)) & int.MaxValue;
        _begin += FrameHead;
        await FillAsync(length, cancellation).ConfigureAwait(false);
        var payload = _received.AsMemory(_begin, length);
        _begin += length;
        var isMine = stream == _id;
        switch (type)
        {
            case Settings when (flags & Ack) == 0:
                Apply(payload.Span);
                await SendAsync(Settings, Ack, 0, [], cancellation).ConfigureAwait(false);
                break;
            case Ping when (flags & Ack) == 0:
                await SendAsync(Ping, Ack, 0, payload.ToArray(), cancellation).ConfigureAwait(false);
                break;
            case WindowUpdate when stream == 0:
                _window += BinaryPrimitives.ReadInt32BigEndian(payload.Span);
                break;
            case WindowUpdate when isMine:
                return BinaryPrimitives.ReadInt32BigEndian(payload.Span);
            case Data:
                answer.Received += length;
                answer.IsEnded |= isMine && (flags & EndStream) != 0;
                break;
            case Headers or Continuation when isMine:
                answer.Fields.Write(type == Headers ? Unpadded(payload, flags).Span : payload.Span);
                answer.EndsAfterHeaders |= type == Headers && (flags & EndStream) != 0;
                answer.IsEnded |= answer.EndsAfterHeaders && (flags & EndHeaders) != 0;
                break;
            case Reset when isMine:
                throw new IOException($"The server has reset the call (error {BinaryPrimitives.ReadInt32BigEndian(payload.Span)}).");
            case GoAway:
                IsOpen = false;
                // What began before it is answered still.
                if ((BinaryPrimitives.ReadInt32BigEndian(payload.Span) & int.MaxValue) < _id) throw new IOException($"The server ends the connection (error {BinaryPrimitives.ReadInt32BigEndian(payload.Span[4..])}).");
                break;
        }
        return 0;
    }

    private static ReadOnlyMemory<byte> Unpadded(ReadOnlyMemory<byte> payload, byte flags)
    {
        var padding = (flags & Padded) != 0 ? payload.Span[0] : 0;
        var begin = ((flags & Padded) != 0 ? 1 : 0) + ((flags & HasPriority) != 0 ? 5 : 0);
        return begin + padding <= payload.Length ? payload[begin..(payload.Length - padding)] : throw new IOException("The server's frame has more padding than bytes.");
    }

    private void Apply(ReadOnlySpan<byte> settings)
    {
        const int InitialWindow = 4, MaxFrame = 5;
        for (; settings.Length >= 6; settings = settings[6..])
        {
            var value = BinaryPrimitives.ReadInt32BigEndian(settings[2..]);
            switch (BinaryPrimitives.ReadInt16BigEndian(settings))
            {
                case InitialWindow: _streamWindow = value; break;
                // Frames that are made already stay as they are: any server takes what it once allowed.
                case MaxFrame when _frames.Length == 0: _frameBytes = Math.Min(value, MostFrameBytes); break;
            }
        }
    }

    // Reads until there are as many bytes.
    private async ValueTask FillAsync(int bytes, CancellationToken cancellation)
    {
        if (_end - _begin >= bytes) return;
        _received.AsSpan(_begin, _end - _begin).CopyTo(_received);
        (_begin, _end) = (0, _end - _begin);
        if (bytes > _received.Length) Array.Resize(ref _received, bytes);
        while (_end < bytes)
        {
            var read = await _stream.ReadAsync(_received.AsMemory(_end), cancellation).ConfigureAwait(false);
            if (read == 0) throw new IOException("The server has closed the connection.");
            _end += read;
        }
    }

    /// <summary>What has come for a call.</summary>
    private sealed class Answer
    {
        /// <summary>The blocks of headers and trailers.</summary>
        public MemoryStream Fields { get; } = new();

        /// <summary>Bytes of data, whatever they are.</summary>
        public int Received { get; set; }

        public bool EndsAfterHeaders { get; set; }

        public bool IsEnded { get; set; }
    }
}
