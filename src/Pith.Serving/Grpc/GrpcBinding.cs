using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>Binds the service's calls as the generated code does, except that a message that is damaged is the caller's fault, and that the request of ModelInfer is read as a <see cref="RawInferRequest"/>.</summary>
internal static class GrpcBinding
{
    public const string InferName = nameof(GRPCInferenceService.GRPCInferenceServiceBase.ModelInfer);

    private static readonly Method<RawInferRequest, ModelInferResponse> s_infer = new(
        MethodType.Unary, Descriptor.FullName, InferName,
        Reading(RawInferRequest.Read),
        Marshallers.Create(Write, context => ModelInferResponse.Parser.ParseFrom(context.PayloadAsReadOnlySequence())));

    /// <summary>What reflection tells of the service.</summary>
    public static ServiceDescriptor Descriptor => GRPCInferenceService.Descriptor;

    /// <summary>Called by ASP.NET Core, which looks for the methods of the service itself, by name and type of request.</summary>
    public static void BindService(ServiceBinderBase binder, Service? service)
    {
        GRPCInferenceService.BindService(new ReadingBinder(binder), null);
        binder.AddMethod(s_infer, service is null ? null : new UnaryServerMethod<RawInferRequest, ModelInferResponse>(service.ModelInfer));
    }

    private static Marshaller<T> Reading<T>(Func<DeserializationContext, T> read) => Marshallers.Create((_, _) => throw new NotSupportedException("A server only reads requests."), context =>
    {
        try
        {
            return read(context);
        }
        catch (Exception failure) when (failure is InvalidProtocolBufferException or InvalidDataException)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The message is damaged: {failure.Message}"));
        }
    });

    private static void Write(ModelInferResponse message, SerializationContext context)
    {
        context.SetPayloadLength(message.CalculateSize());
        message.WriteTo(context.GetBufferWriter());
        context.Complete();
    }

    /// <summary>The calls of the service; all must be declared by the class that has the attribute.</summary>
    [BindServiceMethod(typeof(GrpcBinding), nameof(BindService))]
    internal abstract class Service
    {
        public abstract Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context);

        public abstract Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context);

        public abstract Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context);

        public abstract Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context);

        public abstract Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context);

        public abstract Task<ModelConfigResponse> ModelConfig(ModelConfigRequest request, ServerCallContext context);

        public abstract Task<ModelStatisticsResponse> ModelStatistics(ModelStatisticsRequest request, ServerCallContext context);

        public abstract Task<RepositoryIndexResponse> RepositoryIndex(RepositoryIndexRequest request, ServerCallContext context);

        public abstract Task<RepositoryModelLoadResponse> RepositoryModelLoad(RepositoryModelLoadRequest request, ServerCallContext context);

        public abstract Task<RepositoryModelUnloadResponse> RepositoryModelUnload(RepositoryModelUnloadRequest request, ServerCallContext context);

        /// <summary>Answers a request.</summary>
        public abstract Task<ModelInferResponse> ModelInfer(RawInferRequest request, ServerCallContext context);

        public abstract Task ModelStreamInfer(IAsyncStreamReader<ModelInferRequest> requestStream, IServerStreamWriter<ModelStreamInferResponse> responseStream, ServerCallContext context);
    }

    private sealed class ReadingBinder(ServiceBinderBase binder) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
        {
            if (method.Name != InferName) binder.AddMethod(Read(method), handler);
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) => binder.AddMethod(Read(method), handler);

        private static Method<TRequest, TResponse> Read<TRequest, TResponse>(Method<TRequest, TResponse> method) =>
            new(method.Type, method.ServiceName, method.Name, Reading(method.RequestMarshaller.ContextualDeserializer), method.ResponseMarshaller);
    }
}
