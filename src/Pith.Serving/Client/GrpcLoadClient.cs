using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Authentication;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>A client over gRPC, with raw contents both ways. Load is sent over a connection for each request that is under way, see <see cref="Http2Call"/>.</summary>
internal sealed class GrpcLoadClient : LoadClient
{
    private readonly ServerAddress _server;
    private readonly ConcurrentBag<Http2Call> _free = [];
    private readonly GrpcChannel _channel;
    private readonly GRPCInferenceService.GRPCInferenceServiceClient _client;
    private readonly Metadata _headers = [];
    private ModelInferRequest _request = new();
    private byte[] _message = [];

    public GrpcLoadClient(ServerAddress server, string model, string version) : base(model, version)
    {
        _server = server;
        _channel = GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { HttpHandler = server.Handler(), DisposeHttpClient = true, MaxReceiveMessageSize = null, MaxSendMessageSize = null });
        _client = new GRPCInferenceService.GRPCInferenceServiceClient(_channel);
        if (server.Token is { } token) _headers.Add("authorization", $"Bearer {token}");
    }

    public override async Task<IReadOnlyList<RemoteTensor>> InputsAsync(CancellationToken cancellation)
    {
        var metadata = await CallAsync(_client.ModelMetadataAsync(new ModelMetadataRequest { Name = Model, Version = Version }, _headers, cancellationToken: cancellation)).ConfigureAwait(false);
        return [.. metadata.Inputs.Select(input => new RemoteTensor(input.Name, input.Datatype, [.. input.Shape]))];
    }

    public override async Task<RemoteStatistics> StatisticsAsync(CancellationToken cancellation)
    {
        var statistics = (await CallAsync(_client.ModelStatisticsAsync(new ModelStatisticsRequest { Name = Model, Version = Version }, _headers, cancellationToken: cancellation)).ConfigureAwait(false)).ModelStats[^1];
        var inference = statistics.InferenceStats;
        return new RemoteStatistics((long)statistics.InferenceCount, (long)statistics.ExecutionCount, (long)inference.Success.Count, (long)inference.Queue.Ns, (long)inference.ComputeInput.Ns, (long)inference.ComputeInfer.Ns, (long)inference.ComputeOutput.Ns);
    }

    public override void Prepare(IReadOnlyList<RequestTensor> inputs)
    {
        _request = new ModelInferRequest { ModelName = Model, ModelVersion = Version };
        foreach (var input in inputs)
        {
            var tensor = new ModelInferRequest.Types.InferInputTensor { Name = input.Name, Datatype = input.DataType };
            tensor.Shape.AddRange(input.Shape);
            _request.Inputs.Add(tensor);
            _request.RawInputContents.Add(UnsafeByteOperations.UnsafeWrap(input.Data));
        }
        _message = _request.ToByteArray();
    }

    public override async Task<(Outcome Outcome, string Reason)> SendAsync(CancellationToken cancellation)
    {
        Http2Call? call = null;
        try
        {
            call = _free.TryTake(out var free) ? free : await Http2Call.ConnectAsync(_server, $"/{GRPCInferenceService.Descriptor.FullName}/{GrpcBinding.InferName}", _message, cancellation).ConfigureAwait(false);
            var (status, message) = await call.CallAsync(cancellation).ConfigureAwait(false);
            return ((StatusCode)status switch { StatusCode.OK => Outcome.Answered, StatusCode.ResourceExhausted or StatusCode.Unavailable => Outcome.Refused, _ => Outcome.Failed }, message);
        }
        catch (Exception failure) when (failure is IOException or SocketException or AuthenticationException)
        {
            return (Outcome.Failed, failure.Message);
        }
        finally
        {
            if (call?.IsOpen == true) _free.Add(call);
            else call?.Dispose();
        }
    }

    public override async Task<IReadOnlyList<RequestTensor>> InferAsync(CancellationToken cancellation)
    {
        var answer = await CallAsync(_client.ModelInferAsync(_request, _headers, cancellationToken: cancellation)).ConfigureAwait(false);
        return [.. answer.Outputs.Select((output, i) => new RequestTensor(output.Name, output.Datatype, [.. output.Shape], answer.RawOutputContents[i].Memory))];
    }

    protected override void Dispose(bool disposing)
    {
        while (_free.TryTake(out var call)) call.Dispose();
        _channel.Dispose();
    }

    private async Task<T> CallAsync<T>(AsyncUnaryCall<T> call)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (RpcException failure)
        {
            throw new PithException($"{_channel.Target} answered {failure.StatusCode}: {failure.Status.Detail} Is 'pith serve' running there, and is this its gRPC port?", failure);
        }
    }
}
