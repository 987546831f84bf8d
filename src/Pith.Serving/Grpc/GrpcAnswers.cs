using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Pith.Serving;

/// <summary>Answers of gRPC that are made before a method is called.</summary>
internal static class GrpcAnswers
{
    public static bool IsGrpc(HttpRequest request) => request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Answers with a status and nothing else. gRPC's answers are always 200; the status is a trailer, here of an answer without a body.</summary>
    public static void WriteStatus(HttpContext context, StatusCode status, string message)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = ((int)status).ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(message);
    }
}
