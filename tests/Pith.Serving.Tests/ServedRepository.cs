using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Grpc.Net.Client;
using Pith.Serving.Protocol;

namespace Pith.Serving.Tests;

/// <summary>A repository in an empty folder, with a server on free ports, and clients of it.</summary>
internal sealed class ServedRepository : IAsyncDisposable
{
    private GrpcChannel? _channel;

    public string Folder { get; } = Directory.CreateTempSubdirectory("pith-serve-").FullName;

    public PithServer Server { get; private set; } = null!;

    public HttpClient Http { get; private set; } = null!;

    public GRPCInferenceService.GRPCInferenceServiceClient Grpc => new(_channel ??= GrpcChannel.ForAddress(Server.GrpcAddress!));

    /// <summary>A repository with one model; more may be added before <see cref="StartAsync"/>.</summary>
    public static ServedRepository With(string name, Graph graph, string? config = null) => new ServedRepository().Add(name, graph, config);

    public ServedRepository Add(string name, Graph graph, string? config = null, int version = 1)
    {
        OnnxModel.Save(graph, Path.Combine(Directory.CreateDirectory(Path.Combine(Folder, name, $"{version}")).FullName, "model.onnx"));
        if (config is not null) Write(Path.Combine(name, "config.pbtxt"), config);
        return this;
    }

    public void Write(string path, string text) => File.WriteAllText(Path.Combine(Folder, path), text);

    public async Task<ServedRepository> StartAsync(Func<ServerOptions, ServerOptions>? options = null)
    {
        var defaults = new ServerOptions { Repository = Folder, HttpPort = 0, GrpcPort = 0, CacheFolder = "", Threads = 1, PollInterval = TimeSpan.FromMilliseconds(40) };
        Server = await PithServer.StartAsync(options?.Invoke(defaults) ?? defaults);
        Http = new HttpClient { BaseAddress = Server.HttpAddress };
        await Server.Loaded;
        return this;
    }

    public async Task<JsonElement> GetAsync(string path)
    {
        using var response = await Http.GetAsync(path);
        Assert.True(response.IsSuccessStatusCode, $"GET {path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json = "") => Http.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    /// <summary>Asks with binary tensors both ways, and gives the bytes of the first output.</summary>
    public async Task<byte[]> InferBinaryAsync(string model, Tensor x, CancellationToken cancellation = default)
    {
        using var response = await Http.SendAsync(BinaryRequest(model, x), cancellation);
        var body = await response.Content.ReadAsByteArrayAsync(cancellation);
        Assert.True(response.IsSuccessStatusCode, $"{(int)response.StatusCode} {Encoding.UTF8.GetString(body)}");
        return body[int.Parse(response.Headers.GetValues("Inference-Header-Content-Length").Single())..];
    }

    public static HttpRequestMessage BinaryRequest(string model, Tensor x, string parameters = "")
    {
        var json = Encoding.UTF8.GetBytes($$$"""{"id":"7","parameters":{"binary_data_output":true{{{parameters}}}},"inputs":[{"name":"x","datatype":"{{{WireType.NameOf(x.DataType)}}}","shape":{{{x.Shape}}},"parameters":{"binary_data_size":{{{x.Bytes.Length}}}}}]}""");
        var request = new HttpRequestMessage(HttpMethod.Post, $"/v2/models/{model}/infer") { Content = new ByteArrayContent([.. json, .. x.Bytes]) };
        request.Headers.Add("Inference-Header-Content-Length", $"{json.Length}");
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return request;
    }

    public static ModelInferRequest GrpcRequest(string model, Tensor x)
    {
        var request = new ModelInferRequest { ModelName = model, Id = "7" };
        var input = new ModelInferRequest.Types.InferInputTensor { Name = "x", Datatype = WireType.NameOf(x.DataType)! };
        input.Shape.AddRange(x.Shape.Dims.Select(size => (long)size));
        request.Inputs.Add(input);
        request.RawInputContents.Add(Google.Protobuf.ByteString.CopyFrom(x.Bytes));
        return request;
    }

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        Http?.Dispose();
        if (Server is not null) await Server.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
