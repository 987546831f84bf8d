namespace Pith.Compression.Data;

/// <summary>The inputs of a network as datasets feed them: one of images (<see cref="ImageInput"/>), or others by name (<see cref="NamedInputs"/>).</summary>
internal interface INetworkInputs
{
    /// <summary>Names and types, in the network's order.</summary>
    IReadOnlyList<(string Name, TensorType Type)> Inputs { get; }

    /// <summary>The shape of one sample of a batch: that of an image, or 1 x 1 x the elements of all inputs.</summary>
    ImageShape Shape { get; }

    /// <summary>Why samples cannot be fed, as the rest of a sentence about the model: a size is not known, or a type has no meaning; null where they can.</summary>
    string? Unusable { get; }

    /// <summary>The number of samples that one run takes, where the network fixes it; null when any number is taken.</summary>
    int? FixedBatch { get; }

    /// <summary>The part of <paramref name="preprocessing"/> that is left to do outside of the network.</summary>
    /// <exception cref="PithException">The network has another layout than the preprocessing says.</exception>
    Preprocessing Left(Preprocessing preprocessing);

    /// <summary>A loader whose batches this takes.</summary>
    /// <param name="network">The network's name, for messages.</param>
    /// <param name="dataset">The samples.</param>
    /// <param name="preprocessing">How images become the network's input.</param>
    /// <param name="options">How the loader goes through them.</param>
    /// <exception cref="PithException">The samples do not fit the network.</exception>
    BatchLoader Load(string network, ImageDataset dataset, Preprocessing preprocessing, BatchLoaderOptions options);

    /// <summary>Copies samples of a batch, any number up to the largest batch, into the inputs of a context.</summary>
    /// <exception cref="PithException">They do not fit, or are not of the kind that the network takes.</exception>
    void Write(ReadOnlySpan<float> samples, EngineContext context);

    /// <summary>The same as tensors.</summary>
    /// <exception cref="PithException">As for <see cref="Write"/>.</exception>
    InputBatch ToTensors(ReadOnlySpan<float> samples);

    /// <summary>The inputs of a network.</summary>
    /// <exception cref="PithException">There are none, or one has no batch as its first axis.</exception>
    static INetworkInputs Of(string network, IReadOnlyList<(string Name, TensorType Type)> inputs)
    {
        if (inputs.Count == 0) throw new PithException($"Network '{network}' has no inputs, so there is nothing that data could be fed into.");
        return inputs is [var (name, type)] && ImageInput.Is(type) ? new ImageInput(name, type) : new NamedInputs(network, inputs);
    }

    /// <summary>The inputs of a graph.</summary>
    /// <exception cref="PithException">As above.</exception>
    static INetworkInputs Of(Graph graph) => Of(graph.Name, [.. graph.Inputs.Select(input => (input.Name, input.Type))]);
}
