using System.Globalization;
using System.Text;
using CsCheck;
using Pith.Fuzz.Campaign;
using Pith.Fuzz.Hostile;

namespace Pith.Fuzz.Serving;

/// <summary>
/// Requests to a server that are wrong in every way, each on a connection of its own. Each is answered with a status that fits, or its connection is closed; the server goes on to answer, and does not grow.
/// Its parts are the requests.
/// </summary>
internal sealed class RequestCase(RequestCase.Sent[] requests) : FuzzCase
{
    // The server and this client, with all pools and queues at their largest.
    private const long MostMemory = 1L << 30;

    private static readonly (string Name, bool IsGrpc, bool IsFramed, Func<IReadOnlyList<Damage>, Random, byte[]> Bytes)[] s_kinds =
    [
        ("JSON", false, true, HttpText.DamagedJson),
        ("binary tensors", false, true, HttpText.DamagedBinary),
        ("sizes", false, true, HttpText.WrongSizes),
        ("deep JSON", false, true, HttpText.DeepJson),
        ("paths", false, false, HttpText.Paths),
        ("headers", false, false, HttpText.Headers),
        ("HTTP", false, false, HttpText.Anywhere),
        ("cut off", false, false, HttpText.CutOff),
        ("gRPC message", true, false, Http2Frames.DamagedMessage),
        ("HTTP/2 frames", true, false, Http2Frames.DamagedFrames),
        ("HTTP/2 streams", true, false, Http2Frames.Streams),
    ];

    // What a request may be answered with: told to go on (when that does not follow), its own fault (4xx), not served (501, 505), too much at a time or too long (503). A server that is at fault says 500.
    private static readonly int[] s_statuses = [100, 200, 400, 404, 405, 408, 411, 413, 414, 415, 417, 426, 431, 501, 503, 505];

    public static FuzzFamily Family { get; } = new("serving", 60, SecondsPerCase: 300,
        Gen.Select(Gen.Int[0, s_kinds.Length - 1], Gen.UInt, Damage.Any.Array[1, 6], (kind, seed, damages) => new Sent(kind, seed, damages)).Array[64].Select(requests => (FuzzCase)new RequestCase(requests)));

    public override int Parts => requests.Length;

    public override string Summary(IReadOnlyList<int> kept) => string.Join(", ", kept.Select(i => s_kinds[requests[i].Kind].Name).Distinct());

    public override string Describe(IReadOnlyList<int> kept) => string.Join('\n', kept.Select(i => $"{s_kinds[requests[i].Kind].Name}: {(Encoding.Latin1.GetString(requests[i].Bytes()) is var text && text.Length > 600 ? text[..600] : text)}"));

    public override void Save(IReadOnlyList<int> kept, string folder)
    {
        foreach (var i in kept) File.WriteAllBytes(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i}-{(s_kinds[requests[i].Kind].IsGrpc ? "grpc" : "http")}")), requests[i].Bytes());
    }

    public override Failure? Check(IReadOnlyList<int> kept)
    {
        // Several at a time, as they come in life; most of the time is spent on waiting.
        var failures = new Failure?[kept.Count];
        Parallel.For(0, kept.Count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, i => failures[i] = Check(requests[kept[i]]));
        if (failures.FirstOrDefault(failure => failure is not null) is { } first) return first;
        if (!ServedNetwork.Answers()) return new Failure("the server does not answer any more", "");
        var memory = Environment.WorkingSet;
        return memory > MostMemory ? new Failure("takes more than 1 GiB", $"{memory >> 20} MiB") : null;
    }

    /// <summary>What answers are called that are none.</summary>
    public const string Closed = "closed";

    /// <summary>How many kinds of requests there are.</summary>
    public static int Kinds => s_kinds.Length;

    /// <summary>What is wrong with an answer; null when nothing is.</summary>
    /// <param name="request">The request.</param>
    /// <param name="answer">What came back; null when the server did not close the connection.</param>
    public static Failure? Judge(Sent request, byte[]? answer)
    {
        if (answer is null) return new Failure($"{request.Name}: the connection is not closed", "");
        var text = Encoding.Latin1.GetString(answer);
        if (request.IsGrpc)
        {
            // The server does not compress trailers. The second text is what gRPC says when a method throws anything but a status.
            return text.Contains("This is a bug", StringComparison.Ordinal) || text.Contains("Exception was thrown by handler", StringComparison.Ordinal) ? new Failure($"{request.Name}: a bug", text) : null;
        }
        if (text.Length == 0) return null;
        return int.TryParse(StatusOf(request.IsGrpc, answer), out var status) && s_statuses.Contains(status) && !text.Contains("root:", StringComparison.Ordinal) ? null : new Failure($"{request.Name}: an answer that does not fit", text);
    }

    /// <summary>The status of an answer: of HTTP three digits, of gRPC that of the first call that ended.</summary>
    public static string StatusOf(bool isGrpc, byte[]? answer)
    {
        const string GrpcStatus = "grpc-status";
        if (answer is null or []) return Closed;
        var text = Encoding.Latin1.GetString(answer);
        if (!isGrpc) return text.StartsWith("HTTP/1.", StringComparison.Ordinal) && text.Length > 12 ? text[9..12] : "no HTTP";
        // A literal of HPACK: after the name the length of the value, and the value.
        var at = text.IndexOf(GrpcStatus, StringComparison.Ordinal) + GrpcStatus.Length;
        return at >= GrpcStatus.Length && at < text.Length && at + 1 + text[at] <= text.Length ? $"grpc-status {text.Substring(at + 1, text[at])}" : "frames without a status";
    }

    private static Failure? Check(Sent request) => Judge(request, ServedNetwork.Exchange(request.IsGrpc ? ServedNetwork.GrpcPort : ServedNetwork.HttpPort, request.Bytes(), request.IsReset));

    /// <summary>A request.</summary>
    /// <param name="Kind">Its place in the list of kinds.</param>
    /// <param name="Seed">Of what is drawn besides the damage.</param>
    /// <param name="Damages">The damage; at least one.</param>
    internal readonly record struct Sent(int Kind, uint Seed, Damage[] Damages)
    {
        public string Name => s_kinds[Kind].Name;

        public bool IsGrpc => s_kinds[Kind].IsGrpc;

        /// <summary>Whether its head is right and says how long its body is: then the server answers and the connection can go on.</summary>
        public bool IsFramed => s_kinds[Kind].IsFramed;

        /// <summary>Whether its connection is broken off after it was sent.</summary>
        public bool IsReset => Seed % 16 == 0;

        public byte[] Bytes() => s_kinds[Kind].Bytes(Damages, new Random((int)Seed));
    }
}
