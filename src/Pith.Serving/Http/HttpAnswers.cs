using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Pith.Serving;

/// <summary>Writes answers of HTTP: JSON, an inference's tensors, errors.</summary>
internal static class HttpAnswers
{
    /// <summary>Bytes of JSON before the binary tensors, in requests and answers.</summary>
    public const string HeaderLengthName = "Inference-Header-Content-Length";

    private const string Json = "application/json";
    private const string Binary = "application/octet-stream";

    public static int StatusOf(RequestFault fault) => fault switch
    {
        RequestFault.Invalid => StatusCodes.Status400BadRequest,
        RequestFault.NotFound => StatusCodes.Status404NotFound,
        RequestFault.TooLarge => StatusCodes.Status413PayloadTooLarge,
        RequestFault.Internal => StatusCodes.Status500InternalServerError,
        _ => StatusCodes.Status503ServiceUnavailable,
    };

    public static Task WriteAsync<T>(HttpContext context, T message, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(message, type);
        context.Response.StatusCode = status;
        context.Response.ContentType = Json;
        context.Response.ContentLength = bytes.Length;
        return context.Response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    public static Task WriteErrorAsync(HttpContext context, int status, string message) => WriteAsync(context, new ErrorMessage(message), JsonMessages.Readable.ErrorMessage, status);

    /// <summary>Writes an answer: JSON, then the elements of binary outputs.</summary>
    /// <exception cref="RequestException">JSON cannot express an element.</exception>
    public static async Task WriteAsync(HttpContext context, InferenceResponse answer)
    {
        var json = new ArrayBufferWriter<byte>(1024);
        WriteJson(json, answer);
        long binary = 0;
        var hasBinary = false;
        foreach (var output in answer.Outputs)
            if (output.IsBinary) (binary, hasBinary) = (binary + output.Data.Length, true);
        var response = context.Response;
        response.ContentType = hasBinary ? Binary : Json;
        response.ContentLength = json.WrittenCount + binary;
        if (hasBinary) response.Headers[HeaderLengthName] = json.WrittenCount.ToString(CultureInfo.InvariantCulture);
        response.BodyWriter.Write(json.WrittenSpan);
        foreach (var output in answer.Outputs)
            if (output.IsBinary) response.BodyWriter.Write(output.Data);
        await response.BodyWriter.FlushAsync(context.RequestAborted).ConfigureAwait(false);
    }

    private static void WriteJson(ArrayBufferWriter<byte> into, InferenceResponse answer)
    {
        using var writer = new Utf8JsonWriter(into);
        writer.WriteStartObject();
        writer.WriteString("model_name", answer.Model);
        writer.WriteString("model_version", answer.Version);
        if (answer.Id.Length > 0) writer.WriteString("id", answer.Id);
        writer.WriteStartArray("outputs");
        foreach (var output in answer.Outputs)
        {
            writer.WriteStartObject();
            writer.WriteString("name", output.Name);
            writer.WriteString("datatype", output.DataType);
            writer.WriteStartArray("shape");
            foreach (var size in output.Shape) writer.WriteNumberValue(size);
            writer.WriteEndArray();
            if (output.IsBinary)
            {
                writer.WriteStartObject("parameters");
                writer.WriteNumber("binary_data_size", output.Data.Length);
                writer.WriteEndObject();
            }
            else
            {
                writer.WritePropertyName("data");
                JsonTensor.Write(writer, output);
            }
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
