using System.Diagnostics;
using Grpc.Core;
using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>The protocol over gRPC: one method for each call.</summary>
internal sealed class GrpcFrontEnd(InferenceService service, ServerState state, ServingLog log) : GrpcBinding.Service
{
    public static StatusCode StatusOf(RequestFault fault) => fault switch
    {
        RequestFault.Invalid => StatusCode.InvalidArgument,
        RequestFault.NotFound => StatusCode.NotFound,
        RequestFault.TooLarge or RequestFault.Overloaded => StatusCode.ResourceExhausted,
        RequestFault.Internal => StatusCode.Internal,
        _ => StatusCode.Unavailable,
    };

    public override Task<ServerLiveResponse> ServerLive(ServerLiveRequest request, ServerCallContext context) => Task.FromResult(new ServerLiveResponse { Live = true });

    public override Task<ServerReadyResponse> ServerReady(ServerReadyRequest request, ServerCallContext context) => Task.FromResult(new ServerReadyResponse { Ready = state.IsReady });

    public override Task<ModelReadyResponse> ModelReady(ModelReadyRequest request, ServerCallContext context) => Answer(() =>
    {
        try
        {
            service.Repository.Find(request.Name, request.Version);
            return new ModelReadyResponse { Ready = true };
        }
        catch (RequestException failure) when (failure.Fault == RequestFault.Unavailable)
        {
            return new ModelReadyResponse();
        }
    });

    public override Task<ServerMetadataResponse> ServerMetadata(ServerMetadataRequest request, ServerCallContext context)
    {
        var metadata = new ServerMetadataResponse { Name = ModelDescription.ServerName, Version = PithVersion.Text };
        metadata.Extensions.AddRange(ModelDescription.Extensions);
        return Task.FromResult(metadata);
    }

    public override Task<ModelMetadataResponse> ModelMetadata(ModelMetadataRequest request, ServerCallContext context) => Answer(() =>
    {
        var model = service.Repository.Find(request.Name, request.Version);
        var metadata = new ModelMetadataResponse { Name = model.Name, Platform = model.Platform };
        metadata.Versions.AddRange(service.Repository.ReadyVersions(model.Name).Select(ModelDescription.Text));
        metadata.Inputs.AddRange(model.Signature.Inputs.Select(Tensor));
        metadata.Outputs.AddRange(model.Signature.Outputs.Select(Tensor));
        return metadata;

        static ModelMetadataResponse.Types.TensorMetadata Tensor(TensorSlot slot)
        {
            var tensor = new ModelMetadataResponse.Types.TensorMetadata { Name = slot.Name, Datatype = slot.DataType };
            tensor.Shape.AddRange(slot.MetadataShape);
            return tensor;
        }
    });

    public override Task<ModelConfigResponse> ModelConfig(ModelConfigRequest request, ServerCallContext context) =>
        Answer(() => new ModelConfigResponse { Config = ModelDescription.Config(service.Repository.Find(request.Name, request.Version)) });

    public override Task<ModelInferResponse> ModelInfer(RawInferRequest request, ServerCallContext context) => Answer(() => InferAsync(request.Message, request.RawContents, Arrival.Of(context.GetHttpContext()), context.CancellationToken));

    // A message that cannot be read ends the stream.
    public override Task ModelStreamInfer(IAsyncStreamReader<ModelInferRequest> requestStream, IServerStreamWriter<ModelStreamInferResponse> responseStream, ServerCallContext context) => Answer(async () =>
    {
        // One after the other: answers come in the order of the requests. A request without an answer does not end the stream.
        while (await requestStream.MoveNext(context.CancellationToken).ConfigureAwait(false))
        {
            ModelStreamInferResponse response;
            try
            {
                response = new ModelStreamInferResponse { InferResponse = await InferAsync(requestStream.Current, [.. requestStream.Current.RawInputContents.Select(contents => contents.Memory)], Stopwatch.GetTimestamp(), context.CancellationToken).ConfigureAwait(false) };
            }
            catch (RequestException failure)
            {
                response = new ModelStreamInferResponse { ErrorMessage = failure.Message, InferResponse = new ModelInferResponse { Id = requestStream.Current.Id, ModelName = requestStream.Current.ModelName } };
            }
            await responseStream.WriteAsync(response, context.CancellationToken).ConfigureAwait(false);
        }
        return true;
    });

    public override Task<ModelStatisticsResponse> ModelStatistics(ModelStatisticsRequest request, ServerCallContext context) => Answer(() =>
    {
        var response = new ModelStatisticsResponse();
        response.ModelStats.AddRange(service.Repository.StatisticsOf(request.Name, request.Version).Select(GrpcStatistics.Of));
        return response;
    });

    public override Task<RepositoryIndexResponse> RepositoryIndex(RepositoryIndexRequest request, ServerCallContext context) => Answer(() =>
    {
        var response = new RepositoryIndexResponse();
        response.Models.AddRange(service.Repository.Index(request.Ready).Select(row =>
            new RepositoryIndexResponse.Types.ModelIndex { Name = row.Name, Version = row.Version is { } version ? ModelDescription.Text(version) : "", State = row.State, Reason = row.Reason }));
        return response;
    });

    public override Task<RepositoryModelLoadResponse> RepositoryModelLoad(RepositoryModelLoadRequest request, ServerCallContext context) => Answer(async () =>
    {
        if (request.Parameters.Keys.FirstOrDefault(key => key == "config" || key.StartsWith("file:", StringComparison.Ordinal)) is { } key) throw RequestException.Invalid($"Parameter '{key}' is not supported: models and configurations come from the repository.");
        await service.Repository.LoadAsync(request.ModelName, CancellationToken.None).ConfigureAwait(false);
        return new RepositoryModelLoadResponse();
    });

    public override Task<RepositoryModelUnloadResponse> RepositoryModelUnload(RepositoryModelUnloadRequest request, ServerCallContext context) => Answer(async () =>
    {
        await service.Repository.UnloadAsync(request.ModelName, CancellationToken.None).ConfigureAwait(false);
        return new RepositoryModelUnloadResponse();
    });

    private async Task<ModelInferResponse> InferAsync(ModelInferRequest request, IReadOnlyList<ReadOnlyMemory<byte>> rawContents, long arrivedAt, CancellationToken cancellation)
    {
        if (service.Refusal(request.ModelName, request.ModelVersion, arrivedAt) is { } refused) throw refused;
        return GrpcTensors.Response(await service.InferAsync(GrpcTensors.Request(request, rawContents), arrivedAt, cancellation).ConfigureAwait(false));
    }

    private Task<T> Answer<T>(Func<T> answer) => Answer(() => Task.FromResult(answer()));

    private async Task<T> Answer<T>(Func<Task<T>> answer)
    {
        try
        {
            return await answer().ConfigureAwait(false);
        }
        catch (RequestException failure)
        {
            throw new RpcException(new Status(StatusOf(failure.Fault), failure.Message));
        }
        catch (OperationCanceledException)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The caller went away."));
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, failure.Message));
        }
        catch (Exception bug) when (bug is not RpcException)
        {
            log.Bug("gRPC", bug);
            throw new RpcException(new Status(StatusCode.Internal, $"This is a bug in Pith: {bug.GetType().Name}. The server's log says more."));
        }
    }
}
