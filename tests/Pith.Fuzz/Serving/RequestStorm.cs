using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pith.Fuzz.Hostile;

namespace Pith.Fuzz.Serving;

/// <summary>
/// A given number of hostile requests as fast as they can be sent, with statuses and memory in the end: <c>storm COUNT</c>. Many senders share one server; a request that is framed as HTTP wants goes over a
/// connection that stays open, any other over a connection of its own. Meanwhile some connections send a byte at a time and never end what they began.
/// </summary>
internal sealed class RequestStorm(long count, uint stream)
{
    private const int Senders = 48;
    private const int SlowSenders = 16;
    private const int WarmUp = 20_000;

    // Between two bytes of a slow sender: within what the server waits for, so that it is the sum that is too much.
    private static readonly TimeSpan s_slowPause = TimeSpan.FromMilliseconds(400);

    // Above what it was after the first requests, when pools and queues have their size.
    private const long MostGrowth = 128L << 20;

    private readonly ConcurrentDictionary<(string Kind, string Status), long> _statuses = new();
    private readonly ConcurrentQueue<string> _failures = new();
    private long _next;
    private volatile bool _done;

    /// <summary>Sends the requests and prints what became of them.</summary>
    /// <returns>0 when each was answered as it should be, and the server goes on as before.</returns>
    public static int Run(string count)
    {
        if (!long.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var requests) || requests < 1) throw new PithException($"storm takes a number of requests, got '{count}'.");
        return new RequestStorm(requests, stream: 1).Run();
    }

    private int Run()
    {
        if (!ServedNetwork.Answers()) throw new PithException("The server does not answer before the first request.");
        var (total, clock) = (count, Stopwatch.StartNew());
        Send(Math.Min(WarmUp, total));
        var before = Memory();
        var slow = Enumerable.Range(0, SlowSenders).Select(i => Start(() => SendSlowly(i))).ToArray();
        for (var part = 1; part <= 10; part++)
        {
            if (total * part / 10 <= Volatile.Read(ref _next)) continue;
            Send(total * part / 10);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Volatile.Read(ref _next)} requests, {clock.Elapsed.TotalSeconds:F0} s, {Memory() >> 20} MiB"));
        }
        _done = true;
        foreach (var thread in slow) thread.Join();
        var answers = ServedNetwork.Answers();
        var after = Memory();
        foreach (var kind in _statuses.GroupBy(pair => pair.Key.Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal))
            Console.WriteLine($"{kind.Key}: {string.Join(", ", kind.OrderByDescending(pair => pair.Value).Select(pair => $"{pair.Key.Status} {pair.Value}"))}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{total} requests in {clock.Elapsed.TotalSeconds:F0} s; memory {before >> 20} MiB after the first {Math.Min(WarmUp, total)}, {after >> 20} MiB after the last; {_failures.Count} wrong"));
        foreach (var failure in _failures.Take(20)) Console.WriteLine(failure);
        if (!answers) Console.WriteLine("The server does not answer any more.");
        if (after - before > MostGrowth) Console.WriteLine("The server has grown.");
        return answers && _failures.IsEmpty && after - before <= MostGrowth ? 0 : 1;
    }

    // What is kept, not what the collector has not looked at yet.
    private static long Memory()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static Thread Start(Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void Send(long until)
    {
        var threads = Enumerable.Range(0, Senders).Select(_ => Start(() => SendUntil(until))).ToArray();
        foreach (var thread in threads) thread.Join();
    }

    private void SendUntil(long until)
    {
        using var kept = new KeptConnection(ServedNetwork.HttpPort);
        while (true)
        {
            var number = Interlocked.Increment(ref _next) - 1;
            if (number >= until)
            {
                Interlocked.Decrement(ref _next);
                return;
            }
            Send(Draw(number), number, kept);
        }
    }

    private RequestCase.Sent Draw(long number)
    {
        var random = new Random(unchecked((int)(number * 0x9E3779B1L ^ stream)));
        var damages = new Damage[random.Next(1, 7)];
        for (var i = 0; i < damages.Length; i++) damages[i] = new Damage(random.Next(1001), (uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32));
        return new RequestCase.Sent(random.Next(RequestCase.Kinds), (uint)random.NextInt64(1L << 32), damages);
    }

    private void Send(RequestCase.Sent request, long number, KeptConnection kept)
    {
        try
        {
            var bytes = request.Bytes();
            var answer = request.IsFramed ? kept.Exchange(bytes) : ServedNetwork.Exchange(request.IsGrpc ? ServedNetwork.GrpcPort : ServedNetwork.HttpPort, bytes, request.IsReset);
            _statuses.AddOrUpdate((request.Name, request.IsReset && !request.IsFramed ? "reset by the sender" : RequestCase.StatusOf(request.IsGrpc, answer)), 1, static (_, seen) => seen + 1);
            // A whole request is answered whatever is in it.
            if (request.IsFramed && answer is []) _failures.Enqueue($"request {number}, {request.Name}: closed without an answer");
            if (RequestCase.Judge(request, answer) is { } failure) _failures.Enqueue($"request {number}: {failure.Kind} {failure.Detail}");
        }
        catch (Exception failure)
        {
            _failures.Enqueue($"request {number}, {request.Name}: {failure.GetType().Name} {failure.Message}");
        }
    }

    // Headers or a body that come a byte at a time, again and again.
    private void SendSlowly(int number)
    {
        var random = new Random(number);
        while (!_done)
        {
            var bytes = number % 2 == 0 ? HttpText.DamagedJson([], random) : HttpText.DamagedBinary([], random);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            socket.Connect(IPAddress.Loopback, ServedNetwork.HttpPort);
            var at = number % 4 < 2 ? 1 : bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4;
            var answer = new byte[4096];
            var isEnded = false;
            try
            {
                socket.Send(bytes.AsSpan(0, at));
                while (!_done && at < bytes.Length - 1 && !(isEnded = socket.Poll(s_slowPause, SelectMode.SelectRead))) socket.Send(bytes.AsSpan(at++, 1));
                var read = isEnded ? socket.Receive(answer) : 0;
                if (isEnded) _statuses.AddOrUpdate(("slow sender", RequestCase.StatusOf(isGrpc: false, answer[..read])), 1, static (_, seen) => seen + 1);
            }
            catch (SocketException)
            {
                _statuses.AddOrUpdate(("slow sender", RequestCase.Closed), 1, static (_, seen) => seen + 1);
            }
        }
    }

    /// <summary>A connection of HTTP/1.1 that is used again until the server ends it.</summary>
    private sealed class KeptConnection(int port) : IDisposable
    {
        private Socket? _socket;

        public byte[]? Exchange(ReadOnlySpan<byte> request)
        {
            var isFresh = _socket is null;
            if (_socket is null)
            {
                _socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, SendTimeout = ServedNetwork.MostMilliseconds };
                _socket.Connect(IPAddress.Loopback, port);
            }
            var answer = ServedNetwork.Exchange(_socket, request, out var isOver);
            if (isOver) Dispose();
            // It had been closed before, after an answer that did not say so.
            return answer is { Length: 0 } && !isFresh ? Exchange(request) : answer;
        }

        public void Dispose()
        {
            _socket?.Dispose();
            _socket = null;
        }
    }
}
