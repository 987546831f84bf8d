using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Pith.Serving;

/// <summary>A client over HTTP, with binary tensors both ways.</summary>
internal sealed class HttpLoadClient : LoadClient
{
    private readonly HttpClient _http;
    private readonly string _path;
    private byte[] _body = [];
    private string _headerLength = "0";

    public HttpLoadClient(ServerAddress server, string model, string version) : base(model, version)
    {
        _http = new HttpClient(server.Handler()) { BaseAddress = server.Address, Timeout = TimeSpan.FromMinutes(10) };
        if (server.Token is { } token) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        _path = $"/v2/models/{Uri.EscapeDataString(model)}{(version.Length == 0 ? "" : $"/versions/{Uri.EscapeDataString(version)}")}";
    }

    public override async Task<IReadOnlyList<RemoteTensor>> InputsAsync(CancellationToken cancellation)
    {
        using var metadata = await GetAsync(_path, cancellation).ConfigureAwait(false);
        return [.. metadata.RootElement.GetProperty("inputs").EnumerateArray().Select(input => new RemoteTensor(input.GetProperty("name").GetString()!, input.GetProperty("datatype").GetString()!, [.. input.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())]))];
    }

    public override async Task<RemoteStatistics> StatisticsAsync(CancellationToken cancellation)
    {
        using var statistics = await GetAsync(_path + "/stats", cancellation).ConfigureAwait(false);
        var model = statistics.RootElement.GetProperty("model_stats").EnumerateArray().Last();
        var inference = model.GetProperty("inference_stats");
        return new RemoteStatistics(Count(model, "inference_count"), Count(model, "execution_count"), Count(inference.GetProperty("success"), "count"), Ns("queue"), Ns("compute_input"), Ns("compute_infer"), Ns("compute_output"));

        long Ns(string name) => Count(inference.GetProperty(name), "ns");

        static long Count(JsonElement element, string name) => element.GetProperty(name).GetInt64();
    }

    public override void Prepare(IReadOnlyList<RequestTensor> inputs)
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("parameters");
            writer.WriteBoolean("binary_data_output", true);
            writer.WriteEndObject();
            writer.WriteStartArray("inputs");
            foreach (var input in inputs) Write(writer, input);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        _headerLength = bytes.WrittenCount.ToString(CultureInfo.InvariantCulture);
        foreach (var input in inputs) bytes.Write(input.Data.Span);
        _body = bytes.WrittenSpan.ToArray();
    }

    public override async Task<(Outcome Outcome, string Reason)> SendAsync(CancellationToken cancellation)
    {
        try
        {
            using var response = await PostAsync(cancellation).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK) return (response.StatusCode == HttpStatusCode.ServiceUnavailable ? Outcome.Refused : Outcome.Failed, await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false));
            await response.Content.CopyToAsync(Stream.Null, cancellation).ConfigureAwait(false);
            return (Outcome.Answered, "");
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or HttpIOException)
        {
            return (Outcome.Failed, failure.Message);
        }
    }

    public override async Task<IReadOnlyList<RequestTensor>> InferAsync(CancellationToken cancellation)
    {
        try
        {
            using var response = await PostAsync(cancellation).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.OK) throw new PithException($"The server answered {(int)response.StatusCode}: {System.Text.Encoding.UTF8.GetString(body)}");
            var json = response.Headers.TryGetValues(HttpAnswers.HeaderLengthName, out var lengths) ? int.Parse(lengths.First(), NumberStyles.None, CultureInfo.InvariantCulture) : body.Length;
            return Outputs(body, json);
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException or FormatException or KeyNotFoundException or InvalidOperationException)
        {
            throw new PithException($"No answer from {_http.BaseAddress}: {failure.Message}", failure);
        }
    }

    protected override void Dispose(bool disposing) => _http.Dispose();

    private static List<RequestTensor> Outputs(byte[] body, int jsonBytes)
    {
        using var document = JsonDocument.Parse(body.AsMemory(0, jsonBytes));
        var outputs = new List<RequestTensor>();
        var at = jsonBytes;
        foreach (var output in document.RootElement.GetProperty("outputs").EnumerateArray())
        {
            var size = output.GetProperty("parameters").GetProperty("binary_data_size").GetInt32();
            outputs.Add(new RequestTensor(output.GetProperty("name").GetString()!, output.GetProperty("datatype").GetString()!, [.. output.GetProperty("shape").EnumerateArray().Select(dim => dim.GetInt64())], body.AsMemory(at, size)));
            at += size;
        }
        return outputs;
    }

    private static void Write(Utf8JsonWriter writer, RequestTensor input)
    {
        writer.WriteStartObject();
        writer.WriteString("name", input.Name);
        writer.WriteString("datatype", input.DataType);
        writer.WriteStartArray("shape");
        foreach (var size in input.Shape) writer.WriteNumberValue(size);
        writer.WriteEndArray();
        writer.WriteStartObject("parameters");
        writer.WriteNumber("binary_data_size", input.Data.Length);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private async Task<HttpResponseMessage> PostAsync(CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _path + "/infer") { Content = new ByteArrayContent(_body) };
        request.Headers.Add(HttpAnswers.HeaderLengthName, _headerLength);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
    }

    private async Task<JsonDocument> GetAsync(string path, CancellationToken cancellation)
    {
        try
        {
            using var response = await _http.GetAsync(path, cancellation).ConfigureAwait(false);
            var text = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? JsonDocument.Parse(text) : throw new PithException($"{_http.BaseAddress} answered {(int)response.StatusCode} to GET {path}: {System.Text.Encoding.UTF8.GetString(text)}");
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException)
        {
            throw new PithException($"No answer from {_http.BaseAddress}: {failure.Message} Is 'pith serve' running there, and is this its HTTP port?", failure);
        }
    }
}
