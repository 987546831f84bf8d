using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pith.Serving;

/// <summary>What HTTP answers besides tensors; names in JSON are snake_case.</summary>
internal sealed record ErrorMessage(string Error);

internal sealed record LiveMessage(bool Live);

internal sealed record ReadyMessage(bool Ready);

internal sealed record ModelReadyMessage(string Name, bool Ready);

internal sealed record ServerMessage(string Name, string Version, IReadOnlyList<string> Extensions);

internal sealed record TensorMessage(string Name, string Datatype, long[] Shape);

internal sealed record ModelMessage(string Name, IReadOnlyList<string> Versions, string Platform, IReadOnlyList<TensorMessage> Inputs, IReadOnlyList<TensorMessage> Outputs);

internal sealed record DurationMessage(long Count, long Ns);

internal sealed record StatisticsMessage(IReadOnlyList<ModelStatisticsMessage> ModelStats);

internal sealed record ModelStatisticsMessage(
    string Name, string Version, long LastInference, long InferenceCount, long ExecutionCount, InferenceStatisticsMessage InferenceStats, IReadOnlyList<BatchStatisticsMessage> BatchStats);

internal sealed record InferenceStatisticsMessage(DurationMessage Success, DurationMessage Fail, DurationMessage Queue, DurationMessage ComputeInput, DurationMessage ComputeInfer, DurationMessage ComputeOutput);

internal sealed record BatchStatisticsMessage(int BatchSize, DurationMessage ComputeInput, DurationMessage ComputeInfer, DurationMessage ComputeOutput);

internal sealed record IndexMessage(string Name, string? Version, string State, string Reason);

internal sealed record IndexRequestMessage(bool Ready = false);

internal sealed record ConfigMessage(
    string Name, string Platform, string Backend, int MaxBatchSize, VersionPolicyMessage VersionPolicy, IReadOnlyList<ConfigInputMessage> Input, IReadOnlyList<ConfigOutputMessage> Output,
    IReadOnlyList<InstanceGroupMessage> InstanceGroup, DynamicBatchingMessage? DynamicBatching, IReadOnlyDictionary<string, ParameterMessage> Parameters);

internal sealed record VersionPolicyMessage(LatestMessage? Latest, EmptyMessage? All, SpecificMessage? Specific);

internal sealed record LatestMessage(int NumVersions);

internal sealed record EmptyMessage;

internal sealed record SpecificMessage(IReadOnlyList<long> Versions);

internal sealed record ConfigInputMessage(string Name, string DataType, long[] Dims);

internal sealed record ConfigOutputMessage(string Name, string DataType, long[] Dims, string LabelFilename);

internal sealed record InstanceGroupMessage(string Name, string Kind, int Count);

internal sealed record DynamicBatchingMessage(IReadOnlyList<int> PreferredBatchSize, long MaxQueueDelayMicroseconds, QueuePolicyMessage DefaultQueuePolicy);

internal sealed record QueuePolicyMessage(string TimeoutAction, long DefaultTimeoutMicroseconds, bool AllowTimeoutOverride, int MaxQueueSize);

internal sealed record ParameterMessage(string StringValue);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ErrorMessage))]
[JsonSerializable(typeof(LiveMessage))]
[JsonSerializable(typeof(ReadyMessage))]
[JsonSerializable(typeof(ModelReadyMessage))]
[JsonSerializable(typeof(ServerMessage))]
[JsonSerializable(typeof(ModelMessage))]
[JsonSerializable(typeof(StatisticsMessage))]
[JsonSerializable(typeof(IReadOnlyList<IndexMessage>))]
[JsonSerializable(typeof(IndexRequestMessage))]
[JsonSerializable(typeof(ConfigMessage))]
internal sealed partial class JsonMessages : JsonSerializerContext
{
    /// <summary>As the attribute says, with quotes and letters of all scripts as they are: people read errors, and nothing here becomes part of a page.</summary>
    public static JsonMessages Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        MaxDepth = 32,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
