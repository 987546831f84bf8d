namespace Pith.Serving;

/// <summary>What a model's config.pbtxt says. <see cref="ModelConfigFile"/> reads it; a model without one has <see cref="None"/>.</summary>
internal sealed record ModelConfig
{
    /// <summary>Of a model without a file.</summary>
    public static ModelConfig None { get; } = new();

    /// <summary>The model's name as the file has it; null when it does not say.</summary>
    public string? Name { get; init; }

    public string? Platform { get; init; }

    public string? Backend { get; init; }

    /// <summary>The file in a version's folder; null for model.plan or model.onnx.</summary>
    public string? FileName { get; init; }

    /// <summary>The largest batch; 0 when requests are run as they are, with the batch among their sizes; null when the file does not say.</summary>
    public int? MaxBatch { get; init; }

    public VersionPolicy Versions { get; init; } = new();

    public IReadOnlyList<ConfiguredTensor> Inputs { get; init; } = [];

    public IReadOnlyList<ConfiguredTensor> Outputs { get; init; } = [];

    /// <summary>The number of instances; null when the file does not say.</summary>
    public int? Instances { get; init; }

    /// <summary>Threads of each instance; null when the file does not say.</summary>
    public int? Threads { get; init; }

    /// <summary>For each instance the processors that its threads are bound to; empty to let the system choose.</summary>
    public IReadOnlyList<int[]> Processors { get; init; } = [];

    /// <summary>Batches to run as soon as there are as many rows.</summary>
    public IReadOnlyList<int> PreferredBatches { get; init; } = [];

    public TimeSpan QueueDelay { get; init; }

    /// <summary>Requests that may wait; null when the file does not say.</summary>
    public int? QueueLimit { get; init; }

    /// <summary>Null when the file does not say.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Whether a request may ask for a shorter time-out; null when the file does not say.</summary>
    public bool? AllowTimeoutOverride { get; init; }

    /// <summary>What stands in the file and is not used, for a note.</summary>
    public IReadOnlyList<string> Unused { get; init; } = [];
}

/// <summary>An input or output in a configuration.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DataType">TYPE_FP32 and the like; null when it does not say.</param>
/// <param name="Dims">The sizes, without the batch when the largest batch is above 0; -1 where they vary.</param>
/// <param name="LabelFile">A file in the model's folder with a label for each class; null for none.</param>
internal sealed record ConfiguredTensor(string Name, string? DataType, IReadOnlyList<long> Dims, string? LabelFile);

/// <summary>Which of a model's versions are served.</summary>
/// <param name="Latest">How many of the newest.</param>
/// <param name="IsAll">All of them.</param>
/// <param name="Specific">These; null unless the configuration lists them.</param>
internal sealed record VersionPolicy(int Latest = 1, bool IsAll = false, IReadOnlyList<long>? Specific = null)
{
    /// <summary>The versions to serve of those that there are.</summary>
    public IReadOnlyList<long> Choose(IEnumerable<long> available) =>
        Specific is not null ? [.. available.Where(Specific.Contains).Order()] : [.. available.OrderDescending().Take(IsAll ? int.MaxValue : Latest).Order()];
}
