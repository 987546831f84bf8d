using System.Diagnostics;

namespace Pith.Serving;

/// <summary>Answers requests, whatever they came by: checks them, queues them with the model that they name, and makes the answer. Thread-safe.</summary>
internal sealed class InferenceService(ModelRepository repository, ServingLog log)
{
    public ModelRepository Repository { get; } = repository;

    /// <summary>Refuses a request before its body is read, when the model would refuse it anyway. Overload makes most refusals: they are returned, which costs less than to throw them.</summary>
    /// <returns>Why it is refused; null when it is not.</returns>
    /// <exception cref="RequestException">There is no such model, or it is not ready.</exception>
    public RequestException? Refusal(string name, string version, long arrivedAt)
    {
        var model = Repository.Find(name, version);
        if (!model.WouldRefuse(arrivedAt)) return null;
        model.Statistics.Failed(FailureReason.Rejected).Add(1, Stopwatch.GetTimestamp() - arrivedAt);
        return model.QueueIsFull();
    }

    /// <summary>Answers a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="arrivedAt">When it began to arrive, in ticks of <see cref="Stopwatch"/>.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="RequestException">It gets no answer.</exception>
    /// <exception cref="OperationCanceledException">The caller went away.</exception>
    public async Task<InferenceResponse> InferAsync(InferenceRequest request, long arrivedAt, CancellationToken cancellation)
    {
        using var activity = ServingTelemetry.Start(request);
        var model = Repository.Find(request.Model, request.Version);
        try
        {
            while (true)
            {
                var response = await TryInferAsync(model, request, arrivedAt, cancellation).ConfigureAwait(false);
                if (response is not null)
                {
                    model.Statistics.Success.Add(1, Stopwatch.GetTimestamp() - arrivedAt);
                    ServingTelemetry.Answered(activity, model, arrivedAt);
                    return response;
                }
                // It was replaced in the meantime: its successor is in the list already, or nothing is.
                model = Repository.Find(request.Model, request.Version);
            }
        }
        catch (Exception failure)
        {
            model.Statistics.Failed(ReasonOf(failure)).Add(1, Stopwatch.GetTimestamp() - arrivedAt);
            ServingTelemetry.Failed(activity, model, failure);
            if (failure is RequestException refused) log.Refused(request.Model, request.Id, refused.Fault, refused.Message);
            throw;
        }
    }

    private static FailureReason ReasonOf(Exception failure) => failure switch
    {
        OperationCanceledException => FailureReason.Canceled,
        RequestException { Fault: RequestFault.Overloaded } => FailureReason.Rejected,
        RequestException { Fault: RequestFault.Internal } => FailureReason.Backend,
        _ => FailureReason.Other,
    };

    // Null when the model was replaced before the request was queued.
    private static async Task<InferenceResponse?> TryInferAsync(ServedModel model, InferenceRequest request, long arrivedAt, CancellationToken cancellation)
    {
        var wanted = request.Outputs.Count > 0 ? request.Outputs : [.. model.Signature.Outputs.Select(output => new RequestedOutput(output.Name, IsBinary: request.BinaryOutputs))];
        var places = new int[wanted.Count];
        for (var i = 0; i < places.Length; i++) places[i] = model.Signature.OutputIndex(wanted[i].Name);
        var inputs = await model.DecodeAsync(request.Inputs, cancellation).ConfigureAwait(false);
        var (data, rows) = model.Signature.Bind(inputs);
        var pending = new PendingRequest { Inputs = data, Rows = rows, ArrivedAt = arrivedAt, Deadline = Deadline(model.Policy, request, arrivedAt) };
        cancellation.ThrowIfCancellationRequested();
        var outputs = model.TryRun(pending) ?? await QueueAsync(model, pending, cancellation).ConfigureAwait(false);
        if (outputs is null) return null;
        cancellation.ThrowIfCancellationRequested();
        model.Delivered(pending);
        var tensors = new ResponseTensor[places.Length];
        for (var i = 0; i < tensors.Length; i++) tensors[i] = model.Output(wanted[i], places[i], outputs[places[i]], rows);
        return new InferenceResponse(model.Name, model.Version.ToString(System.Globalization.CultureInfo.InvariantCulture), request.Id, tensors);
    }

    private static async Task<byte[][]?> QueueAsync(ServedModel model, PendingRequest pending, CancellationToken cancellation)
    {
        if (!model.TryQueue(pending)) return null;
        await using (cancellation.Register(() => model.Cancel(pending, cancellation)).ConfigureAwait(false)) return await pending.Answer.ConfigureAwait(false);
    }

    private static long Deadline(BatchingPolicy policy, InferenceRequest request, long arrivedAt)
    {
        var timeout = policy.Timeout;
        if (request.TimeoutMicroseconds > 0 && policy.AllowTimeoutOverride && (timeout is null || request.TimeoutMicroseconds < timeout.Value.TotalMicroseconds))
            timeout = TimeSpan.FromMicroseconds(Math.Min(request.TimeoutMicroseconds, 86_400_000_000));
        return timeout is { } limit ? arrivedAt + BatchScheduler.Ticks(limit) : long.MaxValue;
    }
}
