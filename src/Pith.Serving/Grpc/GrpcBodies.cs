using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Pith.Serving;

/// <summary>
/// Receives the bodies of gRPC calls within the server's limit of bytes. By itself gRPC keeps each message in the connection's buffers until it is whole: as many as a client has streams. A call of one
/// message is read into one array as it arrives, and read from there without another copy; of a stream the bytes that wait to become a message are counted. Comes after routing.
/// </summary>
internal sealed class GrpcBodies(ServerOptions options, ByteBudget budget)
{
    // Before each message: whether it is compressed, and its length.
    private const int PrefixBytes = 5;

    public async Task PassAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is not { Method: var method })
        {
            await next(context).ConfigureAwait(false);
            return;
        }
        try
        {
            if (method.Type is MethodType.Unary or MethodType.ServerStreaming) await PassMessageAsync(context, next, method).ConfigureAwait(false);
            else await PassStreamAsync(context, next).ConfigureAwait(false);
        }
        catch (RequestException refused)
        {
            GrpcAnswers.WriteStatus(context, GrpcFrontEnd.StatusOf(refused.Fault), refused.Message);
        }
    }

    private async Task PassMessageAsync(HttpContext context, RequestDelegate next, IMethod method)
    {
        var most = method.Name == GrpcBinding.InferName ? options.MaxRequestBytes : HttpFrontEnd.MostControlBytes;
        using var body = await RequestBody.ReadAsync(context.Request, most + PrefixBytes, budget, LengthOf, context.RequestAborted).ConfigureAwait(false);
        // gRPC would say that it does not know what went wrong.
        if (LengthOf(body.Bytes) != body.Bytes.Length || body.Bytes.Span[0] > 1)
            throw RequestException.Invalid($"The body of {body.Bytes.Length} bytes is not one message after a flag of 0 or 1 and its length.");
        context.Features.Set<IRequestBodyPipeFeature>(new BodyReader(PipeReader.Create(new ReadOnlySequence<byte>(body.Bytes))));
        await next(context).ConfigureAwait(false);
    }

    private static long? LengthOf(ReadOnlyMemory<byte> body) => body.Length < PrefixBytes ? null : BinaryPrimitives.ReadUInt32BigEndian(body.Span[1..]) + (long)PrefixBytes;

    private async Task PassStreamAsync(HttpContext context, RequestDelegate next)
    {
        var reader = new CountedReader(context.Request.BodyReader, budget);
        context.Features.Set<IRequestBodyPipeFeature>(new BodyReader(reader));
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            reader.ReturnAll();
        }
    }

    private sealed record BodyReader(PipeReader Reader) : IRequestBodyPipeFeature;

    /// <summary>Takes the bytes that a reader holds from a budget.</summary>
    private sealed class CountedReader(PipeReader reader, ByteBudget budget) : PipeReader
    {
        private ReadOnlySequence<byte> _read;
        private long _taken;

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => Counted(await reader.ReadAsync(cancellationToken).ConfigureAwait(false));

        public override bool TryRead(out ReadResult result)
        {
            if (!reader.TryRead(out result)) return false;
            Counted(result);
            return true;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            Hold(_read.Slice(consumed).Length);
            reader.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => reader.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
            ReturnAll();
            reader.Complete(exception);
        }

        public void ReturnAll() => Hold(0);

        private ReadResult Counted(ReadResult result)
        {
            _read = result.Buffer;
            try
            {
                Hold(_read.Length);
            }
            catch (RequestException refused)
            {
                throw new RpcException(new Status(GrpcFrontEnd.StatusOf(refused.Fault), refused.Message));
            }
            return result;
        }

        private void Hold(long bytes)
        {
            if (bytes > _taken) budget.Take(bytes - _taken);
            else budget.Return(_taken - bytes);
            _taken = bytes;
        }
    }
}
