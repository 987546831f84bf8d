using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;

namespace Pith.Serving.Tests;

/// <summary>Whatever a stranger sends: an answer of the right kind, no crash, and the next one is served.</summary>
public sealed class HostileTests
{
    [Fact]
    public async Task Bodies_headers_and_depths_beyond_the_limits_are_refused()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { MaxRequestBytes = 100_000 });
        using (var large = await served.PostAsync("/v2/models/net/infer", new string(' ', 200_000))) Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        using (var chunked = new HttpRequestMessage(HttpMethod.Post, "/v2/models/net/infer") { Content = new StreamContent(new MemoryStream(new byte[200_000])) })
        {
            chunked.Headers.TransferEncodingChunked = true;
            using var response = await served.Http.SendAsync(chunked);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        }
        using (var deep = await served.PostAsync("/v2/models/net/infer", "{\"inputs\":" + new string('[', 40_000))) Assert.Equal(HttpStatusCode.BadRequest, deep.StatusCode);
        using (var skipped = await served.PostAsync("/v2/models/net/infer", "{\"other\":" + new string('[', 40_000))) Assert.Equal(HttpStatusCode.BadRequest, skipped.StatusCode);
        using (var zipped = new HttpRequestMessage(HttpMethod.Post, "/v2/models/net/infer") { Content = new ByteArrayContent([1, 2, 3]) })
        {
            zipped.Content.Headers.ContentEncoding.Add("gzip");
            using var response = await served.Http.SendAsync(zipped);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        }
        Assert.StartsWith("HTTP/1.1 431", await RawAsync(served, $"GET /v2 HTTP/1.1\r\nHost: x\r\nA: {new string('a', 40_000)}\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 414", await RawAsync(served, $"GET /{new string('a', 40_000)} HTTP/1.1\r\nHost: x\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", await RawAsync(served, "GET /v2\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 400", await RawAsync(served, "POST /v2/models/net/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\nInference-Header-Content-Length: -5\r\nContent-Length: 2\r\n\r\n{}"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await RawAsync(served, "GET /v2/models/..%2f..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 404", await RawAsync(served, "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), StringComparison.Ordinal);
        Assert.Equal(40, (await served.InferBinaryAsync("net", Networks.Images(1, 1))).Length);
    }

    [Fact]
    public async Task A_length_that_is_only_claimed_takes_no_memory_and_slow_senders_hold_nobody_up()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync();
        var senders = new List<TcpClient>();
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < 50; i++)
        {
            var sender = new TcpClient();
            await sender.ConnectAsync("127.0.0.1", served.Server.HttpAddress!.Port);
            await sender.GetStream().WriteAsync(Encoding.ASCII.GetBytes("POST /v2/models/net/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n{"));
            senders.Add(sender);
        }
        await Task.Delay(100, TestContext.Current.CancellationToken);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: false) - before, long.MinValue, 300L << 20);
        Assert.Equal(40, (await served.InferBinaryAsync("net", Networks.Images(1, 1))).Length);
        foreach (var sender in senders) sender.Dispose();
    }

    [Fact]
    public async Task More_bytes_than_the_server_may_hold_are_refused()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { MaxBufferedBytes = 4096 });
        using var response = await served.PostAsync("/v2/models/net/infer", new string(' ', 8000));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        // Nothing is kept of it.
        Assert.Equal(40, (await served.InferBinaryAsync("net", Networks.Images(1, 1))).Length);
    }

    [Theory]
    [InlineData("ModelInfer")]
    [InlineData("ModelMetadata")]
    public async Task A_message_of_grpc_that_is_damaged_or_too_large_is_the_callers_fault(string method)
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { MaxRequestBytes = 100_000 });
        using var channel = GrpcChannel.ForAddress(served.Server.GrpcAddress!);
        var bytes = Marshallers.Create<byte[]>(data => data, data => data);
        foreach (var (message, expected) in new[] { ([0x0A, 0x05, 1], StatusCode.InvalidArgument), (new byte[] { 0xFF, 0xFF, 0xFF }, StatusCode.InvalidArgument), (new byte[200_000], StatusCode.ResourceExhausted) })
        {
            using var call = channel.CreateCallInvoker().AsyncUnaryCall(new Method<byte[], byte[]>(MethodType.Unary, "inference.GRPCInferenceService", method, bytes, bytes), null, default, message);
            Assert.Equal(expected, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode);
        }
        Assert.Equal(40, (await served.InferBinaryAsync("net", Networks.Images(1, 1))).Length);
    }

    [Fact]
    public async Task More_bytes_of_grpc_than_the_server_may_hold_are_refused()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { MaxBufferedBytes = 4096 });
        var large = ServedRepository.GrpcRequest("net", Networks.Images(1, 16));
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => served.Grpc.ModelInferAsync(large).ResponseAsync)).StatusCode);
        using (var stream = served.Grpc.ModelStreamInfer())
        {
            var failure = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                await stream.RequestStream.WriteAsync(large);
                await stream.ResponseStream.MoveNext(default);
            });
            Assert.Equal(StatusCode.ResourceExhausted, failure.StatusCode);
        }
        // Nothing is kept of them.
        var small = ServedRepository.GrpcRequest("net", Networks.Images(1, 1));
        for (var i = 0; i < 10; i++) Assert.Single((await served.Grpc.ModelInferAsync(small)).RawOutputContents);
    }

    [Fact]
    public async Task Damaged_requests_get_a_status_of_their_own_and_the_server_goes_on()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync();
        var valid = await ServedRepository.BinaryRequest("net", Networks.Images(1, 1)).Content!.ReadAsByteArrayAsync();
        var header = valid.AsSpan().LastIndexOf("}]}"u8) + 3;
        var random = new Random(20261128);
        var answered = 0;
        for (var i = 0; i < 1500; i++)
        {
            var (body, length) = Damaged(valid, header, random);
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v2/models/net/infer") { Content = new ByteArrayContent(body) };
            request.Headers.Add("Inference-Header-Content-Length", $"{length}");
            using var response = await served.Http.SendAsync(request);
            if (response.IsSuccessStatusCode) answered++;
            else Assert.True(response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.NotFound, $"case {i}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()} for {Encoding.Latin1.GetString(body, 0, Math.Min(body.Length, 400))}");
        }
        Assert.InRange(answered, 1, 1400);
        Assert.Equal(40, (await served.InferBinaryAsync("net", Networks.Images(1, 1))).Length);
    }

    [Fact]
    public void Damaged_json_is_read_or_refused_and_nothing_else()
    {
        var valid = Encoding.UTF8.GetBytes("""{"id":"1","parameters":{"timeout":5,"x":[1]},"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[1,2],[3.5,-4e2]]},{"name":"y","datatype":"BYTES","shape":[1],"parameters":{"content_type":"base64"},"data":["AAAA"]}],"outputs":[{"name":"z","parameters":{"classification":3,"binary_data":true}}]}""");
        var random = new Random(7);
        var clock = Stopwatch.StartNew();
        var read = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var (body, length) = Damaged(valid, valid.Length, random);
            try
            {
                JsonRequest.Parse("net", "", body, Math.Clamp(length, 0, body.Length));
                read++;
            }
            catch (RequestException)
            {
                // As it should be.
            }
        }
        Assert.InRange(read, 1, 20_000);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
    }

    [Fact]
    public void Damaged_configurations_are_read_or_refused_and_nothing_else()
    {
        var valid = Encoding.UTF8.GetBytes("name: \"net\" max_batch_size: 8 # rows\ninput [ { name: 'x' data_type: TYPE_FP32 dims: [ 3, 8, 8 ] } ]\ninstance_group < count: 2 kind: KIND_CPU >\ndynamic_batching { preferred_batch_size: [ 2, 4 ] default_queue_policy: { max_queue_size: 5 } }\nparameters { key: \"threads\" value { string_value: \"\\x32\" \"\" } }");
        var random = new Random(8);
        var read = 0;
        for (var i = 0; i < 20_000; i++)
        {
            try
            {
                TextMessage.Parse(Encoding.UTF8.GetString(Damaged(valid, valid.Length, random).Body), "config.pbtxt");
                read++;
            }
            catch (PithException)
            {
                // As it should be.
            }
        }
        Assert.InRange(read, 1, 20_000);
        Assert.Throws<PithException>(() => TextMessage.Parse(string.Concat(Enumerable.Repeat("a { ", 100_000)), "config.pbtxt"));
    }

    private static (byte[] Body, int HeaderLength) Damaged(byte[] valid, int header, Random random)
    {
        var body = valid.ToList();
        for (var changes = random.Next(1, 4); changes > 0 && body.Count > 0; changes--)
        {
            // Most of a request is data, which may be anything: the JSON is what is damaged.
            var at = random.Next(Math.Min(header, body.Count));
            switch (random.Next(6))
            {
                case 0: body[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: body.RemoveAt(at); break;
                case 2: body.Insert(at, (byte)random.Next(256)); break;
                case 3: body.RemoveRange(at, random.Next(body.Count - at)); break;
                case 4: body.InsertRange(at, body.GetRange(at, random.Next(Math.Min(64, body.Count - at)))); break;
                default: body.InsertRange(at, Encoding.UTF8.GetBytes(s_words[random.Next(s_words.Length)])); break;
            }
        }
        return ([.. body], random.Next(8) == 0 ? random.Next(body.Count + 10) : header + body.Count - valid.Length < 0 ? 0 : header + body.Count - valid.Length);
    }

    private static readonly string[] s_words = ["\"", "{", "}", "[", "]", ",", ":", "null", "true", "-1", "1e999", "99999999999999999999", "\\ud800", "\"data\":", "\"shape\":[0],", "\"binary_data_size\":-1,", "\0", "\u202e", "{\"a\":{\"a\":{\"a\":"];

    private static async Task<string> RawAsync(ServedRepository served, string text)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", served.Server.HttpAddress!.Port);
        var stream = client.GetStream();
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(text));
        }
        catch (IOException)
        {
            // Refused before it was sent.
        }
        var buffer = new byte[4096];
        var read = await stream.ReadAsync(buffer);
        return Encoding.ASCII.GetString(buffer, 0, read);
    }
}
