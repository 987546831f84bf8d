using System.Globalization;
using System.Text;
using Pith.Fuzz.Hostile;

namespace Pith.Fuzz.Serving;

/// <summary>Requests of HTTP/1.1 that no client of good will sends.</summary>
internal static class HttpText
{
    private static readonly string[] s_paths =
    [
        "/v2", "/v2/health/live", "/v2/health/ready", "/metrics", "/v2/models/stats", "/v2/models/net", "/v2/models/net/config", "/v2/models/net/stats", "/v2/models/net/versions/1/ready", "/v2/models/net/infer",
        "/v2/repository/index", "/v2/repository/models/net/load", "/v2/repository/models/net/unload", "/v2/models/net/versions/-1", "/v2/models/net/versions/99999999999999999999",
    ];

    private static readonly string[] s_tricks = ["..", "%2e%2e", "..%2f..%2f", "%00", "%", "%zz", "\\..\\", "//", ";", "?", "#", "%c0%ae%c0%ae", "%ff", "etc/passwd", "*", " ", "\u00e9", "net.onnx", ".pith-cache"];

    /// <summary>A request with a body.</summary>
    public static string Request(string path, string body, string headers = "", string method = "POST") => $"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

    /// <summary>An inference with a JSON body that is damaged and whose length is right.</summary>
    public static byte[] DamagedJson(IReadOnlyList<Damage> damages, Random random)
    {
        const string Valid = """{"id":"1","parameters":{"timeout":5000,"x":[1]},"inputs":[{"name":"x","datatype":"FP32","shape":[2,4],"data":[[1,2,-3,4e1],[5,6,7,8]]}],"outputs":[{"name":"y","parameters":{"classification":2,"binary_data":true}}]}""";
        return Raw($"/v2/models/{(random.Next(8) == 0 ? s_tricks[random.Next(s_tricks.Length)] : ServedNetwork.Name)}/infer", Damage.Bytes(Encoding.UTF8.GetBytes(Valid), damages), "");
    }

    /// <summary>An inference with a binary tensor: body damaged, the length of its JSON right or not.</summary>
    public static byte[] DamagedBinary(IReadOnlyList<Damage> damages, Random random)
    {
        var json = """{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","datatype":"FP32","shape":[2,4],"parameters":{"binary_data_size":32}}]}"""u8.ToArray();
        var body = Damage.Bytes([.. json, .. new byte[32]], damages);
        var length = random.Next(4) == 0 ? Extreme(random) : json.Length + body.Length - json.Length - 32;
        return Raw("/v2/models/net/infer", body, string.Create(CultureInfo.InvariantCulture, $"Inference-Header-Content-Length: {length}\r\n"));
    }

    /// <summary>An inference whose sizes, types and names are drawn from what they cannot be.</summary>
    public static byte[] WrongSizes(IReadOnlyList<Damage> damages, Random random)
    {
        string[] types = ["FP32", "FP64", "BYTES", "INT8", "BOOL", "UINT64", "FP16", "BF16", "", "fp32", "\\u0000"];
        var shape = string.Join(',', Enumerable.Range(0, random.Next(40) == 0 ? 200 : random.Next(6)).Select(_ => random.Next(3) == 0 ? Extreme(random) : random.Next(5)));
        var data = string.Join(',', Enumerable.Range(0, random.Next(20)).Select(i => i % 7 == 6 ? "\"1\"" : Extreme(random).ToString(CultureInfo.InvariantCulture)));
        var elements = random.Next(2) == 0 ? $"\"data\":[{data}]" : $"\"parameters\":{{\"binary_data_size\":{Extreme(random)}}}";
        var input = $$"""{"name":"{{(random.Next(6) == 0 ? "y" : "x")}}","datatype":"{{types[random.Next(3) == 0 ? random.Next(types.Length) : 0]}}","shape":[{{shape}}],{{elements}}}""";
        return Encoding.UTF8.GetBytes(Request("/v2/models/net/infer", $$"""{"inputs":[{{string.Join(',', Enumerable.Repeat(input, 1 + damages.Count / 4))}}]}"""));
    }

    /// <summary>JSON nested deeply or repeated often, in a place that is read or skipped.</summary>
    public static byte[] DeepJson(IReadOnlyList<Damage> damages, Random random)
    {
        string[] openings = ["[", "{\"a\":", "{\"inputs\":[", "{\"inputs\":[{\"data\":[", "{\"parameters\":{\"a\":", "[{\"a\":[", "\"", "{\"inputs\":[{},"];
        return Encoding.UTF8.GetBytes(Request("/v2/models/net/infer", string.Concat(Enumerable.Repeat(openings[random.Next(openings.Length)], 1 << random.Next(1, 13 + damages.Count / 4)))));
    }

    /// <summary>Addresses that try to leave the models.</summary>
    public static byte[] Paths(IReadOnlyList<Damage> damages, Random random)
    {
        var path = s_paths[random.Next(s_paths.Length)];
        foreach (var damage in damages) path = path.Insert((int)(damage.Where % (uint)path.Length), s_tricks[damage.What % s_tricks.Length]);
        return Encoding.Latin1.GetBytes(Request(path, random.Next(2) == 0 ? "{}" : "", "", random.Next(3) == 0 ? "POST" : "GET"));
    }

    /// <summary>Headers that are many, long or contradict each other.</summary>
    public static byte[] Headers(IReadOnlyList<Damage> damages, Random random)
    {
        string[] headers = ["Content-Length: 5", "Content-Length: -1", "Content-Length: 99999999999999999999", "Content-Length: 900000", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Encoding: gzip", "Expect: 100-continue", "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "Host: y", "Authorization: Bearer x", "A: ", ": b", "A\0: b", "Inference-Header-Content-Length: 1e3", "Range: bytes=0-", " folded"];
        var text = new StringBuilder("POST /v2/models/net/infer HTTP/1.1\r\nHost: x\r\n");
        foreach (var damage in damages) text.Append(headers[damage.What % headers.Length]).Append("\r\n");
        if (random.Next(4) == 0) text.Append("B: ").Append('b', 1 << random.Next(16)).Append("\r\n");
        if (random.Next(4) == 0) text.Append(string.Concat(Enumerable.Range(0, 1 << random.Next(8)).Select(i => $"C{i}: d\r\n")));
        return Encoding.Latin1.GetBytes(text.Append("\r\n5\r\n{\"a\":\r\n0\r\n\r\n").ToString());
    }

    /// <summary>A whole request, damaged anywhere: line, headers, body.</summary>
    public static byte[] Anywhere(IReadOnlyList<Damage> damages, Random random) => Damage.Bytes(random.Next(2) == 0 ? DamagedJson([], random) : DamagedBinary([], random), damages);

    /// <summary>A request that ends too early.</summary>
    public static byte[] CutOff(IReadOnlyList<Damage> damages, Random random)
    {
        var whole = random.Next(4) == 0 ? Raw("/v2/models/net/infer", new byte[1 << random.Next(8, 22)], "") : DamagedBinary([], random);
        return whole[..(int)(damages[0].Where % (uint)whole.Length)];
    }

    private static byte[] Raw(string path, byte[] body, string headers) =>
        [.. Encoding.Latin1.GetBytes(string.Create(CultureInfo.InvariantCulture, $"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {body.Length}\r\n\r\n")), .. body];

    private static long Extreme(Random random) => Damage.Extremes[random.Next(Damage.Extremes.Length)];
}
