using System.Net;
using System.Net.Sockets;
using System.Text;
using Pith.Ops;
using Pith.Serving;

namespace Pith.Fuzz.Serving;

/// <summary>A server of one small network in this process, x f32[N,4] to y, its Relu; and connections to it that carry any bytes.</summary>
internal static class ServedNetwork
{
    public const string Name = "net";
    public const int MostRequestBytes = 1 << 20;

    private const int MostAnswerBytes = 1 << 20;
    private const int QuietMilliseconds = 20;

    // More than the server's own limits on time.
    public const int MostMilliseconds = 20_000;
    private static readonly Lazy<PithServer> s_server = new(Start);

    public static int HttpPort => s_server.Value.HttpAddress!.Port;

    public static int GrpcPort => s_server.Value.GrpcAddress!.Port;

    /// <summary>Sends bytes on a connection of their own and reads what comes back: until the server closes the connection, or an answer of HTTP is complete.</summary>
    /// <param name="port">The port.</param>
    /// <param name="request">What is sent.</param>
    /// <param name="isReset">Whether the connection is broken off after that.</param>
    /// <returns>What came back; null when the server did not close the connection in time.</returns>
    public static byte[]? Exchange(int port, ReadOnlySpan<byte> request, bool isReset = false)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendTimeout = MostMilliseconds };
        socket.Connect(IPAddress.Loopback, port);
        Send(socket, request);
        if (isReset) socket.LingerState = new LingerOption(true, 0);
        return isReset ? [] : ReadToEnd(socket, QuietMilliseconds, out _);
    }

    /// <summary>Sends a whole request of HTTP on a connection that may be used again.</summary>
    /// <param name="socket">The connection.</param>
    /// <param name="request">What is sent.</param>
    /// <param name="isOver">Whether the connection has ended, or must.</param>
    /// <returns>As <see cref="Exchange(int, ReadOnlySpan{byte}, bool)"/>.</returns>
    public static byte[]? Exchange(Socket socket, ReadOnlySpan<byte> request, out bool isOver)
    {
        Send(socket, request);
        return ReadToEnd(socket, MostMilliseconds, out isOver);
    }

    /// <summary>Whether the network is still served, and right.</summary>
    public static bool Answers()
    {
        var request = Encoding.ASCII.GetBytes(HttpText.Request($"/v2/models/{Name}/infer", """{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],"data":[-1,2,-3,4]}]}"""));
        // Without an answer in 20 ms the connection is ended; a machine that is busy may need longer.
        for (var tries = 0; tries < 50; tries++)
            if (Exchange(HttpPort, request) is { } answer && Encoding.ASCII.GetString(answer).Contains("\"data\":[0,2,0,4]", StringComparison.Ordinal)) return true;
        return false;
    }

    private static void Send(Socket socket, ReadOnlySpan<byte> request)
    {
        try
        {
            while (request.Length > 0) request = request[socket.Send(request)..];
        }
        catch (SocketException failure) when (failure.SocketErrorCode is not SocketError.TimedOut)
        {
            // It has heard enough; what it said may be there all the same.
        }
    }

    private static byte[]? ReadToEnd(Socket socket, int quietMilliseconds, out bool isOver)
    {
        isOver = true;
        var answer = new byte[4096];
        var length = 0;
        // A server that says nothing more waits for the rest of the request: then it hears that there is none.
        socket.ReceiveTimeout = quietMilliseconds;
        while (true)
        {
            try
            {
                var read = socket.Receive(answer.AsSpan(length));
                length += read;
                isOver = read == 0 || answer.AsSpan(0, length).IndexOf("Connection: close"u8) >= 0;
                if (read == 0 || IsCompleteHttp(answer.AsSpan(0, length))) return answer[..length];
                if (length == MostAnswerBytes) return null;
                if (length == answer.Length) Array.Resize(ref answer, 2 * length);
            }
            catch (SocketException failure) when (failure.SocketErrorCode == SocketError.TimedOut)
            {
                if (socket.ReceiveTimeout == MostMilliseconds) return null;
                isOver = true;
                if (!TryEnd(socket)) return answer[..length];
                socket.ReceiveTimeout = MostMilliseconds;
            }
            catch (SocketException)
            {
                // Closed while there was something unread: what came before counts.
                return answer[..length];
            }
        }
    }

    private static bool TryEnd(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool IsCompleteHttp(ReadOnlySpan<byte> answer)
    {
        const string Length = "Content-Length: ";
        if (answer.IndexOf("\r\n\r\n"u8) is not (> 0 and var end)) return false;
        var head = Encoding.Latin1.GetString(answer[..end]);
        var at = head.IndexOf(Length, StringComparison.OrdinalIgnoreCase);
        return at > 0 && int.TryParse(head.AsSpan(at + Length.Length, head.AsSpan(at + Length.Length).IndexOfAnyExceptInRange('0', '9') is var digits and > 0 ? digits : head.Length - at - Length.Length), out var body) && answer.Length >= end + 4 + body;
    }

    private static PithServer Start()
    {
        var folder = Directory.CreateTempSubdirectory("pith-fuzz-serve-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var graph = new Graph("net");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4));
        graph.AddOutput(graph.AddNode(new Relu(), [x], "relu", ["y"]).Output);
        OnnxModel.Save(graph, Path.Combine(folder, Name + ".onnx"));
        var server = PithServer.StartAsync(new ServerOptions { Repository = folder, HttpPort = 0, GrpcPort = 0, CacheFolder = "", Threads = 1, Control = ModelControl.None, MaxRequestBytes = MostRequestBytes }).GetAwaiter().GetResult();
        server.Loaded.GetAwaiter().GetResult();
        return server;
    }
}
