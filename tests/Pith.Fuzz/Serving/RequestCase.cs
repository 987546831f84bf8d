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

    private static readonly (string Name, bool IsGrpc, Func<IReadOnlyList<Damage>, Random, byte[]> Bytes)[] s_kinds =
    [
        ("JSON", false, HttpText.DamagedJson),
        ("binary tensors", false, HttpText.DamagedBinary),
        ("sizes", false, HttpText.WrongSizes),
        ("deep JSON", false, HttpText.DeepJson),
        ("paths", false, HttpText.Paths),
        ("headers", false, HttpText.Headers),
        ("HTTP", false, HttpText.Anywhere),
        ("cut off", false, HttpText.CutOff),
        ("gRPC message", true, Http2Frames.DamagedMessage),
        ("HTTP/2 frames", true, Http2Frames.DamagedFrames),
        ("HTTP/2 streams", true, Http2Frames.Streams),
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

    private static Failure? Check(Sent request)
    {
        var (name, isGrpc, _) = s_kinds[request.Kind];
        var isReset = request.Seed % 16 == 0;
        if (ServedNetwork.Exchange(isGrpc ? ServedNetwork.GrpcPort : ServedNetwork.HttpPort, request.Bytes(), isReset) is not { } answer) return new Failure($"{name}: the connection is not closed", "");
        var text = Encoding.Latin1.GetString(answer);
        if (isGrpc)
        {
            // The server does not compress trailers. The second text is what gRPC says when a method throws anything but a status.
            return text.Contains("This is a bug", StringComparison.Ordinal) || text.Contains("Exception was thrown by handler", StringComparison.Ordinal) ? new Failure($"{name}: a bug", text) : null;
        }
        if (text.Length == 0) return null;
        return text.StartsWith("HTTP/1.", StringComparison.Ordinal) && text.Length > 12 && int.TryParse(text.AsSpan(9, 3), out var status) && s_statuses.Contains(status) && !text.Contains("root:", StringComparison.Ordinal)
            ? null
            : new Failure($"{name}: an answer that does not fit", text);
    }

    /// <summary>A request.</summary>
    /// <param name="Kind">Its place in the list of kinds.</param>
    /// <param name="Seed">Of what is drawn besides the damage.</param>
    /// <param name="Damages">The damage; at least one.</param>
    internal readonly record struct Sent(int Kind, uint Seed, Damage[] Damages)
    {
        public byte[] Bytes() => s_kinds[Kind].Bytes(Damages, new Random((int)Seed));
    }
}
