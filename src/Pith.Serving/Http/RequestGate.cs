using System.Security.Cryptography;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Pith.Serving;

/// <summary>What every request passes first: the metrics port answers metrics only, the token is checked, and what goes wrong later becomes an answer.</summary>
internal sealed class RequestGate(ServerOptions options, ServingLog log)
{
    private const string Scheme = "Bearer ";

    private readonly byte[]? _token = options.Token is { } token ? SHA256.HashData(Encoding.UTF8.GetBytes(token)) : null;

    public async Task PassAsync(HttpContext context, RequestDelegate next)
    {
        Arrival.Mark(context);
        if (options.MetricsPort is { } metrics && metrics != 0 && context.Connection.LocalPort == metrics && context.Request.Path != "/metrics")
        {
            await HttpAnswers.WriteErrorAsync(context, StatusCodes.Status404NotFound, "This port answers /metrics only.").ConfigureAwait(false);
            return;
        }
        if (_token is not null && !IsHealth(context.Request.Path) && !HasToken(context.Request))
        {
            await RefuseAsync(context).ConfigureAwait(false);
            return;
        }
        try
        {
            await next(context).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            await AnswerAsync(context, failure).ConfigureAwait(false);
        }
    }

    private static bool IsHealth(PathString path) => path == "/v2/health/live" || path == "/v2/health/ready" || path.StartsWithSegments("/grpc.health.v1.Health", StringComparison.Ordinal)
        || path == "/inference.GRPCInferenceService/ServerLive" || path == "/inference.GRPCInferenceService/ServerReady";

    // Hashes have one length, so that the time of the comparison says nothing about the token.
    private bool HasToken(HttpRequest request) =>
        request.Headers.Authorization is [{ } header] && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) &&
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(header[Scheme.Length..])), _token);

    private static Task RefuseAsync(HttpContext context)
    {
        const string Message = "This server wants a bearer token: Authorization: Bearer TOKEN.";
        if (GrpcAnswers.IsGrpc(context.Request))
        {
            GrpcAnswers.WriteStatus(context, StatusCode.Unauthenticated, Message);
            return Task.CompletedTask;
        }
        context.Response.Headers.WWWAuthenticate = "Bearer";
        return HttpAnswers.WriteErrorAsync(context, StatusCodes.Status401Unauthorized, Message);
    }

    private async Task AnswerAsync(HttpContext context, Exception failure)
    {
        if (context.RequestAborted.IsCancellationRequested || failure is OperationCanceledException or IOException and not BadHttpRequestException && context.Response.HasStarted) return;
        var (status, message) = failure switch
        {
            RequestException refused => (HttpAnswers.StatusOf(refused.Fault), refused.Message),
            BadHttpRequestException bad => (bad.StatusCode, bad.Message),
            _ => (StatusCodes.Status500InternalServerError, $"This is a bug in Pith: {failure.GetType().Name}. The server's log says more."),
        };
        if (failure is not (RequestException or BadHttpRequestException)) log.Bug(context.Request.Path, failure);
        if (context.Response.HasStarted)
        {
            context.Abort();
            return;
        }
        context.Response.Clear();
        await HttpAnswers.WriteErrorAsync(context, status, message).ConfigureAwait(false);
    }
}
