using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Pith.Serving;

/// <summary>The protocol over HTTP/REST: one method for each address.</summary>
internal sealed class HttpFrontEnd(InferenceService service, ServerOptions options, ServerState state, ByteBudget budget)
{
    /// <summary>The largest body of requests other than inference.</summary>
    public const int MostControlBytes = 64 << 10;

    public void Map(IEndpointRouteBuilder routes)
    {
        Get(routes, "/v2/health/live", context => HttpAnswers.WriteAsync(context, new LiveMessage(true), JsonMessages.Readable.LiveMessage));
        Get(routes, "/v2/health/ready", Ready);
        Get(routes, "/v2", context => HttpAnswers.WriteAsync(context, new ServerMessage(ModelDescription.ServerName, PithVersion.Text, ModelDescription.Extensions), JsonMessages.Readable.ServerMessage));
        Get(routes, "/metrics", Metrics);
        Get(routes, "/v2/models/stats", Statistics);
        foreach (var model in (string[])["/v2/models/{name}", "/v2/models/{name}/versions/{version}"])
        {
            Get(routes, model, Metadata);
            Get(routes, model + "/ready", ModelReady);
            Get(routes, model + "/config", Config);
            Get(routes, model + "/stats", Statistics);
            Post(routes, model + "/infer", Infer);
        }
        Post(routes, "/v2/repository/index", Index);
        Post(routes, "/v2/repository/models/{name}/load", context => Control(context, service.Repository.LoadAsync));
        Post(routes, "/v2/repository/models/{name}/unload", context => Control(context, service.Repository.UnloadAsync));
        routes.MapFallback(context => HttpAnswers.WriteErrorAsync(context, StatusCodes.Status404NotFound, $"There is nothing at '{PrintableText.Of(context.Request.Path)}'. See GET /v2 for what is served."));
    }

    private static void Get(IEndpointRouteBuilder routes, string address, RequestDelegate answer) => routes.MapMethods(address, ["GET", "HEAD"], answer);

    private static void Post(IEndpointRouteBuilder routes, string address, RequestDelegate answer) => routes.MapPost(address, answer);

    private static string Value(HttpContext context, string name) => context.Request.RouteValues.TryGetValue(name, out var value) && value is string text ? text : "";

    private async Task Infer(HttpContext context)
    {
        var (name, version, arrivedAt) = (Value(context, "name"), Value(context, "version"), Arrival.Of(context));
        if (service.Refusal(name, version, arrivedAt) is { } refused)
        {
            await HttpAnswers.WriteErrorAsync(context, HttpAnswers.StatusOf(refused.Fault), refused.Message).ConfigureAwait(false);
            return;
        }
        using var body = await RequestBody.ReadAsync(context.Request, options.MaxRequestBytes, budget, announced: null, context.RequestAborted).ConfigureAwait(false);
        var request = JsonRequest.Parse(name, version, body.Bytes, JsonBytes(context.Request, body.Bytes.Length));
        var answer = await service.InferAsync(request, arrivedAt, context.RequestAborted).ConfigureAwait(false);
        await HttpAnswers.WriteAsync(context, answer).ConfigureAwait(false);
    }

    private static int JsonBytes(HttpRequest request, int bodyBytes)
    {
        if (!request.Headers.TryGetValue(HttpAnswers.HeaderLengthName, out var header)) return bodyBytes;
        return int.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var length) && length <= bodyBytes
            ? length
            : throw RequestException.Invalid($"{HttpAnswers.HeaderLengthName} must be the bytes of JSON at the start of the body, 0 to {bodyBytes}, got '{header}'.");
    }

    // Not ready is 400 in this protocol.
    private Task Ready(HttpContext context) =>
        HttpAnswers.WriteAsync(context, new ReadyMessage(state.IsReady), JsonMessages.Readable.ReadyMessage, state.IsReady ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);

    private Task ModelReady(HttpContext context)
    {
        var name = Value(context, "name");
        var isReady = true;
        try
        {
            service.Repository.Find(name, Value(context, "version"));
        }
        catch (RequestException failure) when (failure.Fault == RequestFault.Unavailable)
        {
            isReady = false;
        }
        return HttpAnswers.WriteAsync(context, new ModelReadyMessage(name, isReady), JsonMessages.Readable.ModelReadyMessage, isReady ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);
    }

    private Task Metadata(HttpContext context)
    {
        var model = Model(context);
        var versions = service.Repository.ReadyVersions(model.Name).Select(ModelDescription.Text).ToArray();
        return HttpAnswers.WriteAsync(context, new ModelMessage(model.Name, versions, model.Platform, Tensors(model.Signature.Inputs), Tensors(model.Signature.Outputs)), JsonMessages.Readable.ModelMessage);

        static TensorMessage[] Tensors(IReadOnlyList<TensorSlot> slots) => [.. slots.Select(slot => new TensorMessage(slot.Name, slot.DataType, slot.MetadataShape))];
    }

    private Task Config(HttpContext context) => HttpAnswers.WriteAsync(context, ConfigJson.Of(Model(context)), JsonMessages.Readable.ConfigMessage);

    private Task Statistics(HttpContext context)
    {
        var statistics = service.Repository.StatisticsOf(Value(context, "name"), Value(context, "version"));
        return HttpAnswers.WriteAsync(context, new StatisticsMessage([.. statistics.Select(Message)]), JsonMessages.Readable.StatisticsMessage);

        static ModelStatisticsMessage Message(ModelStatistics model) => new(
            model.Model, ModelDescription.Text(model.Version), model.LastInferenceMilliseconds, model.Inferences, model.Executions,
            new InferenceStatisticsMessage(Duration(model.Success), new DurationMessage(model.AllFailures.Count, model.AllFailures.Nanoseconds), Duration(model.Queue), Duration(model.ComputeInput), Duration(model.ComputeInfer), Duration(model.ComputeOutput)),
            [.. model.Batches.Select(batch => new BatchStatisticsMessage(batch.Size, Duration(batch.Counters.Input), Duration(batch.Counters.Infer), Duration(batch.Counters.Output)))]);

        static DurationMessage Duration(DurationCounter counter) => new(counter.Count, counter.Nanoseconds);
    }

    private Task Metrics(HttpContext context)
    {
        context.Response.ContentType = MetricsText.ContentType;
        return context.Response.WriteAsync(MetricsText.Of(service.Repository.Statistics), context.RequestAborted);
    }

    private async Task Index(HttpContext context)
    {
        using var body = await RequestBody.ReadAsync(context.Request, MostControlBytes, budget, announced: null, context.RequestAborted).ConfigureAwait(false);
        var request = body.Bytes.Length == 0 ? new IndexRequestMessage() : ReadIndexRequest(body.Bytes.Span);
        IReadOnlyList<IndexMessage> rows = [.. service.Repository.Index(request.Ready).Select(row => new IndexMessage(row.Name, row.Version is { } version ? ModelDescription.Text(version) : null, row.State, row.Reason))];
        await HttpAnswers.WriteAsync(context, rows, JsonMessages.Readable.IReadOnlyListIndexMessage).ConfigureAwait(false);
    }

    private static IndexRequestMessage ReadIndexRequest(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, JsonMessages.Readable.IndexRequestMessage) ?? new IndexRequestMessage();
        }
        catch (JsonException failure)
        {
            throw RequestException.Invalid($"The body must be {{\"ready\": true}} or nothing: {failure.Message}", failure);
        }
    }

    private async Task Control(HttpContext context, Func<string, CancellationToken, Task> change)
    {
        using var body = await RequestBody.ReadAsync(context.Request, MostControlBytes, budget, announced: null, context.RequestAborted).ConfigureAwait(false);
        RequireNoOverride(body.Bytes);
        await change(Value(context, "name"), CancellationToken.None).ConfigureAwait(false);
    }

    // A configuration or files in the request would be loaded instead of the repository's.
    private static void RequireNoOverride(ReadOnlyMemory<byte> json)
    {
        if (json.Length == 0) return;
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw RequestException.Invalid("The body must be a JSON object or nothing.");
            if (!document.RootElement.TryGetProperty("parameters", out var parameters) || parameters.ValueKind != JsonValueKind.Object) return;
            foreach (var parameter in parameters.EnumerateObject())
                if (parameter.Name == "config" || parameter.Name.StartsWith("file:", StringComparison.Ordinal)) throw RequestException.Invalid($"Parameter '{PrintableText.Of(parameter.Name)}' is not supported: models and configurations come from the repository.");
        }
        catch (JsonException failure)
        {
            throw RequestException.Invalid($"The body is not JSON: {failure.Message}", failure);
        }
    }

    private ServedModel Model(HttpContext context) => service.Repository.Find(Value(context, "name"), Value(context, "version"));
}
