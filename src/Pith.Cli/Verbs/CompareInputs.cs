using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>What two networks are compared on: images of a dataset, or seeded noise.</summary>
internal static class CompareInputs
{
    /// <summary>Seeded noise for every input, floats of -2 to 2; a network of fixed batch gets whole batches of it.</summary>
    /// <exception cref="PithException">An input is neither float nor uint8.</exception>
    public static IEnumerable<IReadOnlyList<Tensor>> Noise(NetworkTrace trace, int count)
    {
        var batch = FixedBatch(trace) ?? 1;
        return Enumerable.Range(0, (count - 1) / batch + 1).Select(seed => Noise(trace.Inputs, new Random(seed)));
    }

    /// <summary>The first images of a dataset, one by one, or in batches when the network's batch is fixed; its last batch is filled up with images that it has already.</summary>
    /// <exception cref="PithException">The dataset is smaller, or its images do not fit the network.</exception>
    public static IEnumerable<IReadOnlyList<Tensor>> Images(NetworkTrace trace, ImageDataset dataset, Preprocessing preprocessing, string model, int count)
    {
        if (dataset.Count < count) throw new PithException($"'{dataset.Name}' has {dataset.Count} images, {count} were asked for (--count).");
        var batch = FixedBatch(trace) ?? 1;
        var input = INetworkInputs.Of(model, trace.Inputs);
        var loader = input.Load(model, dataset, preprocessing, new BatchLoaderOptions { BatchSize = batch });
        return loader.Epoch().Take((count - 1) / batch + 1).Select(images => input.ToTensors(Filled(images.ImagesInUse, batch * input.Shape.Elements)).Tensors);
    }

    private static int? FixedBatch(NetworkTrace trace) => trace.Inputs is [var (_, type), ..] && type.Rank > 1 && type[0].IsFixed ? Math.Max(1, type[0].Size) : null;

    private static ReadOnlySpan<float> Filled(ReadOnlySpan<float> images, int elements)
    {
        if (images.Length == elements) return images;
        var filled = new float[elements];
        for (var at = 0; at < elements; at += images.Length) images[..Math.Min(images.Length, elements - at)].CopyTo(filled.AsSpan(at));
        return filled;
    }

    private static IReadOnlyList<Tensor> Noise(IReadOnlyList<(string Name, TensorType Type)> inputs, Random random) =>
    [
        .. inputs.Select(input =>
        {
            if (input.Type.Dims.Skip(1).Any(dim => !dim.IsFixed)) throw new PithException($"Noise needs the sizes of '{input.Name}', which is {input.Type}. Give height and width by --size, or tensors by --test-data.");
            var type = input.Type.DataType;
            var noise = Tensor.Zeros(type.IsFloat() ? DataType.Float32 : type, new Shape([.. input.Type.Dims.Select(dim => dim.IsFixed ? dim.Size : 1)]));
            if (noise is Tensor<byte> bytes) random.NextBytes(bytes.Span);
            else if (noise is Tensor<float> floats) foreach (ref var x in floats.Span) x = random.NextSingle() * 4 - 2;
            else throw new PithException($"Noise can be made for float and uint8 inputs only; '{input.Name}' is {input.Type}. Use --data, or --test-data with the expected outputs.");
            return noise.ConvertTo(type);
        })
    ];
}
