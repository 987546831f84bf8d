using System.Globalization;

namespace Pith.Serving;

/// <summary>What the server and its models say about themselves; both front ends translate it into their messages.</summary>
internal static class ModelDescription
{
    public const string ServerName = "pith";

    /// <summary>The extensions of the protocol that are served.</summary>
    public static IReadOnlyList<string> Extensions { get; } = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "parameters", "schedule_policy", "statistics"];

    public static string Text(long version) => version.ToString(CultureInfo.InvariantCulture);

    /// <summary>A model's configuration as it is in force: what the file says, and what was chosen where it says nothing.</summary>
    public static Protocol.ModelConfig Config(ServedModel model)
    {
        var largest = model.ConfiguredMaxBatch;
        var config = new Protocol.ModelConfig { Name = model.Name, Platform = model.Config.Platform ?? model.Platform, Backend = model.Config.Backend ?? ServerName, MaxBatchSize = largest, VersionPolicy = Versions(model.Config.Versions) };
        foreach (var slot in model.Signature.Inputs)
        {
            var input = new Protocol.ModelInput { Name = slot.Name, DataType = WireType.ConfigOf(slot.Type.DataType) };
            input.Dims.AddRange(slot.MetadataShape.Skip(largest > 0 ? 1 : 0));
            config.Input.Add(input);
        }
        foreach (var slot in model.Signature.Outputs)
        {
            var output = new Protocol.ModelOutput { Name = slot.Name, DataType = WireType.ConfigOf(slot.Type.DataType), LabelFilename = model.Config.Outputs.FirstOrDefault(known => known.Name == slot.Name)?.LabelFile ?? "" };
            output.Dims.AddRange(slot.MetadataShape.Skip(largest > 0 ? 1 : 0));
            config.Output.Add(output);
        }
        config.InstanceGroup.Add(new Protocol.ModelInstanceGroup { Name = model.Name, Count = model.Instances, Kind = Protocol.ModelInstanceGroup.Types.Kind.Cpu });
        if (model.Policy.LargestBatch > 1) config.DynamicBatching = Batching(model.Policy);
        config.Parameters.Add("threads", new Protocol.ModelParameter { StringValue = Text(model.Threads) });
        if (model.Config.Processors.Count > 0) config.Parameters.Add("processors", new Protocol.ModelParameter { StringValue = string.Join(';', model.Config.Processors.Select(instance => string.Join(',', instance))) });
        return config;
    }

    private static Protocol.ModelVersionPolicy Versions(VersionPolicy policy)
    {
        if (policy.IsAll) return new Protocol.ModelVersionPolicy { All = new() };
        if (policy.Specific is null) return new Protocol.ModelVersionPolicy { Latest = new() { NumVersions = (uint)policy.Latest } };
        var specific = new Protocol.ModelVersionPolicy.Types.Specific();
        specific.Versions.AddRange(policy.Specific);
        return new Protocol.ModelVersionPolicy { Specific = specific };
    }

    private static Protocol.ModelDynamicBatching Batching(BatchingPolicy policy)
    {
        var batching = new Protocol.ModelDynamicBatching
        {
            MaxQueueDelayMicroseconds = (ulong)policy.Delay.TotalMicroseconds,
            DefaultQueuePolicy = new Protocol.ModelQueuePolicy { MaxQueueSize = (uint)policy.QueueLimit, DefaultTimeoutMicroseconds = (ulong)(policy.Timeout?.TotalMicroseconds ?? 0), AllowTimeoutOverride = policy.AllowTimeoutOverride },
        };
        batching.PreferredBatchSize.AddRange(policy.Preferred);
        return batching;
    }
}
