using Pith.Serving.Protocol;

namespace Pith.Serving;

/// <summary>Statistics as gRPC messages.</summary>
internal static class GrpcStatistics
{
    public static Protocol.ModelStatistics Of(ModelStatistics model)
    {
        var failures = model.AllFailures;
        var message = new Protocol.ModelStatistics
        {
            Name = model.Model,
            Version = ModelDescription.Text(model.Version),
            LastInference = (ulong)model.LastInferenceMilliseconds,
            InferenceCount = (ulong)model.Inferences,
            ExecutionCount = (ulong)model.Executions,
            InferenceStats = new InferStatistics
            {
                Success = Duration(model.Success),
                Fail = new StatisticDuration { Count = (ulong)failures.Count, Ns = (ulong)failures.Nanoseconds },
                Queue = Duration(model.Queue),
                ComputeInput = Duration(model.ComputeInput),
                ComputeInfer = Duration(model.ComputeInfer),
                ComputeOutput = Duration(model.ComputeOutput),
            },
        };
        message.BatchStats.AddRange(model.Batches.Select(batch => new InferBatchStatistics { BatchSize = (ulong)batch.Size, ComputeInput = Duration(batch.Counters.Input), ComputeInfer = Duration(batch.Counters.Infer), ComputeOutput = Duration(batch.Counters.Output) }));
        return message;
    }

    private static StatisticDuration Duration(DurationCounter counter) => new() { Count = (ulong)counter.Count, Ns = (ulong)counter.Nanoseconds };
}
