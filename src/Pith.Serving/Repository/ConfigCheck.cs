namespace Pith.Serving;

/// <summary>Compares a configuration with the network that it is for.</summary>
internal static class ConfigCheck
{
    /// <summary>Refuses a configuration that says something else than the network.</summary>
    /// <exception cref="PithException">It does.</exception>
    public static void Require(string model, ModelConfig config, Engine engine)
    {
        if (config.Name is { } name && name.Length > 0 && name != model) throw Wrong($"name is '{name}', the model's folder is called '{model}'");
        var takesAnyBatch = SymbolSizes.Batch(engine.Inputs) is not null;
        if (config.MaxBatch is { } largest and > 0)
        {
            if (!takesAnyBatch && largest > 1) throw Wrong($"max_batch_size is {largest}, the network runs batches of {engine.MaxBatch} only. Write max_batch_size: 0, with the batch as the first of dims");
            if (takesAnyBatch && largest > engine.MaxBatch) throw Wrong($"max_batch_size is {largest}, the plan was built for batches of up to {engine.MaxBatch}. Build it with --batch {largest}");
        }
        if (config.Instances is { } instances && config.Processors.Count > 0 && config.Processors.Count != instances) throw Wrong($"processors lists {config.Processors.Count} instances, instance_group has {instances}");
        if (config.Processors.Count > 0 && config.Instances is null && config.Processors.Count != 1) throw Wrong($"processors lists {config.Processors.Count} instances. Write instance_group [ {{ count: {config.Processors.Count} kind: KIND_CPU }} ]");
        foreach (var processors in config.Processors)
            if (processors.Length != (config.Threads ?? config.Processors[0].Length)) throw Wrong($"processors must list one for each of {config.Threads ?? config.Processors[0].Length} threads, got {processors.Length}");
        Require("input", config.Inputs, engine.Inputs);
        Require("output", config.Outputs, engine.Outputs);

        void Require(string role, IReadOnlyList<ConfiguredTensor> configured, IReadOnlyList<(string Name, TensorType Type)> tensors)
        {
            foreach (var tensor in configured)
            {
                if (!tensors.Any(known => known.Name == tensor.Name)) throw Wrong($"the network has no {role} '{tensor.Name}'; it has {string.Join(", ", tensors.Select(known => $"'{known.Name}'"))}");
                var type = tensors.First(known => known.Name == tensor.Name).Type;
                var expected = WireType.ConfigOf(type.DataType).ToString();
                if (tensor.DataType is { } dataType && !dataType.Replace("_", "", StringComparison.Ordinal).Equals(expected, StringComparison.OrdinalIgnoreCase)) throw Wrong($"{role} '{tensor.Name}' is {dataType}, in the network {type}");
                if (!Fits(tensor.Dims, config.MaxBatch > 0, type)) throw Wrong($"{role} '{tensor.Name}' has dims {TensorSlot.ShapeText(tensor.Dims)}{(config.MaxBatch > 0 ? " beside the batch" : "")}, in the network {type}");
            }
        }

        PithException Wrong(string what) => new($"{ModelConfigFile.Name} of model '{model}': {what}.");
    }

    // Without a largest batch it is often left open whether the batch is among the sizes.
    private static bool Fits(IReadOnlyList<long> dims, bool withoutBatch, TensorType type)
    {
        var skipped = type.Rank - dims.Count;
        // A row of one number has no sizes of its own, which a configuration cannot say.
        if (dims.Count == 0 || withoutBatch && type.Rank == 1 && dims is [1]) return true;
        if (skipped is not (0 or 1) || withoutBatch && skipped == 0) return false;
        return dims.Select((size, axis) => size == -1 || !type[axis + skipped].IsFixed || type[axis + skipped].Value == size).All(fits => fits);
    }
}
