using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Pith.Serving.Protocol;

namespace Pith.Serving.Tests;

/// <summary>Ports, tokens, TLS, metrics, and the client that measures.</summary>
public sealed class ServerTests
{
    [Fact]
    public async Task Metrics_have_the_names_that_dashboards_look_for()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync();
        for (var i = 0; i < 3; i++) await served.InferBinaryAsync("net", Networks.Images(i, 2));
        var metrics = await served.Http.GetStringAsync("/metrics");
        foreach (var (name, value) in new[] { ("nv_inference_request_success", "3"), ("nv_inference_count", "6"), ("nv_inference_exec_count", "3"), ("nv_inference_pending_request_count", "0") }) Assert.Contains($"{name}{{model=\"net\",version=\"1\"}} {value}\n", metrics, StringComparison.Ordinal);
        foreach (var name in (string[])["request", "queue", "compute_input", "compute_infer", "compute_output"]) Assert.Matches($@"nv_inference_{name}_duration_us{{model=""net"",version=""1""}} \d+\n", metrics);
        foreach (var reason in (string[])["REJECTED", "CANCELED", "BACKEND", "OTHER"]) Assert.Contains($"nv_inference_request_failure{{model=\"net\",reason=\"{reason}\",version=\"1\"}} 0\n", metrics, StringComparison.Ordinal);
        // Every sample belongs to a metric with a type, as Prometheus wants it.
        Assert.All(metrics.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line[0] != '#'), line => Assert.Contains($"# TYPE {line.Split('{')[0]} ", metrics, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_token_is_wanted_everywhere_but_for_health()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { Token = "correct-horse" });
        foreach (var path in (string[])["/v2", "/metrics", "/v2/models/net", "/nothing"]) Assert.Equal(HttpStatusCode.Unauthorized, (await served.Http.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await served.Http.GetAsync("/v2/health/ready")).StatusCode);
        var request = ServedRepository.GrpcRequest("net", Networks.Images(1, 1));
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(async () => await served.Grpc.ModelInferAsync(request))).StatusCode);
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(async () => await served.Grpc.ModelInferAsync(request, new Metadata { { "authorization", "Bearer wrong-horse" } }))).StatusCode);
        Assert.Single((await served.Grpc.ModelInferAsync(request, new Metadata { { "authorization", "Bearer correct-horse" } })).Outputs);
        served.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "correct-horse");
        Assert.Equal(HttpStatusCode.OK, (await served.Http.GetAsync("/v2")).StatusCode);
    }

    [Theory]
    [InlineData("pem")]
    [InlineData("pfx")]
    public async Task Both_ports_speak_tls_with_a_certificate(string format)
    {
        await using var served = ServedRepository.With("net", Networks.Classifier());
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var path = Path.Combine(served.Folder, $"server.{format}");
        if (format == "pem") File.WriteAllText(path, $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        else File.WriteAllBytes(path, certificate.Export(X509ContentType.Pfx, "secret"));
        await served.StartAsync(options => options with { CertificatePath = path, CertificatePassword = format == "pfx" ? "secret" : null });
        using var trusted = X509CertificateLoader.LoadCertificate(certificate.RawData);
        var images = Networks.Images(1, 1);
        foreach (var address in (Uri[])[served.Server.HttpAddress!, served.Server.GrpcAddress!])
        {
            Assert.Equal("https", address.Scheme);
            var server = new ServerAddress(address, null, trusted);
            using LoadClient client = address == served.Server.HttpAddress ? new HttpLoadClient(server, "net", "") : new GrpcLoadClient(server, "net", "");
            client.Prepare([new RequestTensor("x", "FP32", [1, 3, 8, 8], images.Bytes.ToArray())]);
            Assert.Equal(Networks.Expected(Networks.Classifier(), images), (await client.InferAsync(default))[0].Data.ToArray());
            Assert.Equal((Outcome.Answered, ""), await client.SendAsync(default));
        }
        using var stranger = new HttpLoadClient(new ServerAddress(served.Server.HttpAddress!, null, null), "net", "");
        await Assert.ThrowsAsync<PithException>(() => stranger.InputsAsync(default));
    }

    [Fact]
    public async Task The_metrics_port_answers_metrics_only()
    {
        var port = FreePort();
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { MetricsPort = port });
        using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        Assert.Contains("nv_inference_count", await http.GetStringAsync("/metrics"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/v2")).StatusCode);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync();
        var taken = served.Server.HttpAddress!.Port;
        Assert.Contains($"ports {taken}", (await Assert.ThrowsAsync<PithException>(() => PithServer.StartAsync(new ServerOptions { Repository = served.Folder, HttpPort = taken, GrpcPort = 0 }))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http")]
    [InlineData("grpc")]
    public async Task The_client_measures_concurrency_and_rate(string protocol)
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync();
        using LoadClient client = protocol == "http" ? new HttpLoadClient(new ServerAddress(served.Server.HttpAddress!, null, null), "net", "") : new GrpcLoadClient(new ServerAddress(served.Server.GrpcAddress!, null, null), "net", "1");
        client.Prepare(RandomInputs.Of(await client.InputsAsync(default), 2, seed: 1));
        var generator = new LoadGenerator(client, 2, TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(900));
        var kept = await generator.KeepAsync(4, default);
        Assert.Equal((4, 0L, 0L, ""), (kept.Concurrency, kept.Refused, kept.Failed, kept.Reason));
        Assert.InRange(kept.Answered, 1, 1_000_000);
        // The first look is taken while requests are under way, so that counts of one moment do not add up exactly.
        Assert.True(kept.Server.Requests > 0 && kept.Server.Executions > 0 && kept.Server.Inferences >= kept.Server.Requests && kept.Server.InferNs > 0, kept.Server.ToString());
        var begun = await generator.BeginAtRateAsync(100, seed: 3, default);
        Assert.InRange(begun.Answered, 30, 150);
        Assert.True(begun.Latency!.Percentile(99) >= begun.Latency.MedianSeconds);
    }

    [Fact]
    public async Task The_client_of_gRPC_sends_more_than_a_window_again_and_again_and_hears_why_it_is_refused()
    {
        await using var served = await ServedRepository.With("net", Networks.Slow()).StartAsync(options => options with { Token = "secret-token", MaxRequestBytes = 4 << 20 });
        var server = new ServerAddress(served.Server.GrpcAddress!, "secret-token", null);
        foreach (var (model, rows, token, outcome, reason) in new[]
        {
            ("net", 8, "secret-token", Outcome.Answered, ""), ("net", 9, "secret-token", Outcome.Failed, "batches of 1 to 8"), ("net", 16, "secret-token", Outcome.Refused, "body is larger than"),
            ("other", 1, "secret-token", Outcome.Failed, "no model 'other'"), ("net", 1, "wrong", Outcome.Failed, "bearer token"),
        })
        {
            using var client = new GrpcLoadClient(server with { Token = token }, model, "");
            client.Prepare(RandomInputs.Of([new RemoteTensor("x", "FP32", [-1, 32, 48, 48])], rows, seed: 1));
            for (var time = 0; time < 3; time++)
            {
                var answer = await client.SendAsync(TestContext.Current.CancellationToken);
                Assert.Equal(outcome, answer.Outcome);
                Assert.Contains(reason, answer.Reason, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Header_fields_are_found_plain_and_in_Huffman_code()
    {
        // RFC 7541, C.4.1 and C.6.1: literals with names of the static table, and fields of it, are passed over.
        var block = Convert.FromHexString("828684418cf1e3c2e5f23a6ba0ab90f4ff" + "00" + "0b677270632d737461747573" + "023134");
        Assert.Equal("14", HpackFields.Find(block, "grpc-status"));
        Assert.Null(HpackFields.Find(block.AsSpan(0, 17), "grpc-status"));
        Assert.Equal("302", HpackFields.Find([0, 1, (byte)'a', .. Convert.FromHexString("826402")], "a"));
        Assert.Equal("www.example.com", HpackFields.Find([0, 1, (byte)'a', .. Convert.FromHexString("8cf1e3c2e5f23a6ba0ab90f4ff")], "a"));
        Assert.Equal("Mon, 21 Oct 2013 20:13:21 GMT", HpackFields.Find([0, 1, (byte)'a', .. Convert.FromHexString("96d07abe941054d444a8200595040b8166e082a62d1bff")], "a"));
        Assert.Throws<InvalidDataException>(() => HpackFields.Find(block.AsSpan(0, 25), "grpc-status"));
    }

    [Fact]
    public async Task Reflection_lists_the_service()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync();
        using var channel = GrpcChannel.ForAddress(served.Server.GrpcAddress!);
        using var call = new Grpc.Reflection.V1Alpha.ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new Grpc.Reflection.V1Alpha.ServerReflectionRequest { ListServices = "" });
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Contains("inference.GRPCInferenceService", call.ResponseStream.Current.ListServicesResponse.Service.Select(service => service.Name));
    }

    [Fact]
    public async Task A_server_of_nothing_does_not_start()
    {
        Assert.Contains("no model repository", (await Assert.ThrowsAsync<PithException>(() => PithServer.StartAsync(new ServerOptions { Repository = "no such folder", HttpPort = 0 }))).Message, StringComparison.Ordinal);
        await using var served = ServedRepository.With("net", Networks.Classifier());
        var named = new ServerOptions { Repository = served.Folder, HttpPort = 0, GrpcPort = null, Control = ModelControl.Explicit, StartupModels = ["bet"] };
        Assert.Contains("'net'", (await Assert.ThrowsAsync<PithException>(() => PithServer.StartAsync(named))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_is_live_at_once_and_ready_when_its_models_are()
    {
        await using var served = ServedRepository.With("net", Networks.Classifier());
        await using var server = await PithServer.StartAsync(new ServerOptions { Repository = served.Folder, HttpPort = 0, GrpcPort = null, CacheFolder = "" });
        using var http = new HttpClient { BaseAddress = server.HttpAddress };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v2/health/live")).StatusCode);
        await server.Loaded;
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v2/health/ready")).StatusCode);
    }

    [Fact]
    public async Task A_span_tells_of_each_request()
    {
        var spans = new System.Collections.Concurrent.ConcurrentBag<Activity>();
        using var listener = new ActivityListener { ShouldListenTo = source => source.Name == "Pith.Serving", Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData, ActivityStopped = spans.Add };
        ActivitySource.AddActivityListener(listener);
        await using var served = await ServedRepository.With("traced", Networks.Classifier()).StartAsync();
        await served.InferBinaryAsync("traced", Networks.Images(1, 1));
        var span = Assert.Single(spans, span => (string?)span.GetTagItem("pith.model") == "traced");
        Assert.Equal("7", span.GetTagItem("pith.request_id"));
    }

    [Fact]
    public async Task Traces_and_meters_arrive_at_a_collector()
    {
        var received = new System.Collections.Concurrent.ConcurrentDictionary<string, string>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        await using var collector = builder.Build();
        collector.Run(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received.AddOrUpdate(context.Request.Path.Value!, _ => Encoding.Latin1.GetString(body.ToArray()), (_, before) => before + Encoding.Latin1.GetString(body.ToArray()));
            // An empty message, and that all is well.
            context.Response.ContentType = "application/grpc";
            context.Response.AppendTrailer("grpc-status", "0");
            await context.Response.Body.WriteAsync(new byte[5]);
        });
        await collector.StartAsync();
        await using (var served = await ServedRepository.With("net", Networks.Classifier()).StartAsync(options => options with { TelemetryEndpoint = new Uri(collector.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()) }))
            await served.InferBinaryAsync("net", Networks.Images(1, 1));
        Assert.All((string[])["infer", "pith.model", "pith.request_id"], name => Assert.Contains(name, received["/opentelemetry.proto.collector.trace.v1.TraceService/Export"], StringComparison.Ordinal));
        Assert.Contains("pith.request.duration", received["/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"], StringComparison.Ordinal);
    }

    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
