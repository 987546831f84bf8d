namespace Pith.Serving;

/// <summary>A model's configuration as JSON, field by field what gRPC answers.</summary>
internal static class ConfigJson
{
    public static ConfigMessage Of(ServedModel model)
    {
        var config = ModelDescription.Config(model);
        return new ConfigMessage(
            config.Name, config.Platform, config.Backend, config.MaxBatchSize, Versions(config.VersionPolicy),
            [.. config.Input.Select(input => new ConfigInputMessage(input.Name, Name(input.DataType), [.. input.Dims]))],
            [.. config.Output.Select(output => new ConfigOutputMessage(output.Name, Name(output.DataType), [.. output.Dims], output.LabelFilename))],
            [.. config.InstanceGroup.Select(group => new InstanceGroupMessage(group.Name, "KIND_CPU", group.Count))],
            Batching(config.DynamicBatching), config.Parameters.ToDictionary(entry => entry.Key, entry => new ParameterMessage(entry.Value.StringValue)));
    }

    private static string Name(Protocol.DataType type) => "TYPE_" + type.ToString()[4..].ToUpperInvariant();

    private static VersionPolicyMessage Versions(Protocol.ModelVersionPolicy policy) => policy.PolicyChoiceCase switch
    {
        Protocol.ModelVersionPolicy.PolicyChoiceOneofCase.All => new(null, new EmptyMessage(), null),
        Protocol.ModelVersionPolicy.PolicyChoiceOneofCase.Specific => new(null, null, new SpecificMessage([.. policy.Specific.Versions])),
        _ => new(new LatestMessage((int)policy.Latest.NumVersions), null, null),
    };

    private static DynamicBatchingMessage? Batching(Protocol.ModelDynamicBatching? batching) => batching is null ? null : new(
        [.. batching.PreferredBatchSize], (long)batching.MaxQueueDelayMicroseconds,
        new QueuePolicyMessage("REJECT", (long)batching.DefaultQueuePolicy.DefaultTimeoutMicroseconds, batching.DefaultQueuePolicy.AllowTimeoutOverride, (int)batching.DefaultQueuePolicy.MaxQueueSize));
}
