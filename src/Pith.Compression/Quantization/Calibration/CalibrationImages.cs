using Pith.Compression.Data;

namespace Pith.Compression.Quantization;

/// <summary>
/// Calibration images, preprocessed and kept in memory, for algorithms that run them through a network many times. The first samples of a <see cref="CalibrationData"/> in its order, so results depend on nothing else.
/// Immutable: shared by threads.
/// </summary>
internal sealed class CalibrationImages
{
    // Preprocessed images of 224x224 take 0.6 MB each.
    private const long MaxBytes = 512L << 20;

    private const int FewestImages = 64;

    private CalibrationImages(INetworkInputs input, IReadOnlyList<InputBatch> batches, int count) => (Input, Batches, Count) = (input, batches, count);

    /// <summary>The inputs of the network that they are for.</summary>
    public INetworkInputs Input { get; }

    /// <summary>The images as the network takes them, batch by batch; all batches but the last have the same size. A network with a fixed batch gets full batches only.</summary>
    public IReadOnlyList<InputBatch> Batches { get; }

    /// <summary>The number of images.</summary>
    public int Count { get; }

    /// <summary>The size of a batch.</summary>
    public int BatchSize => Batches[0].Count;

    /// <summary>How many tensors <see cref="Run"/> gives.</summary>
    public int Runs => Input.FixedBatch is null ? Count : Batches.Count;

    /// <summary>One image, or a whole batch of a network that fixes its size, for runs that show values inside the network: they are all in memory at once.</summary>
    public InputBatch Run(int index) => Input.FixedBatch is not null ? Batches[index] : InputBatch.Gather(Batches, [index]);

    /// <summary>Each input by name, a tensor for each batch.</summary>
    public Dictionary<string, Tensor[]> Values() => Input.Inputs.Select((input, at) => (input.Name, at)).ToDictionary(input => input.Name, input => Batches.Select(batch => batch.Inputs[input.at].Tensor).ToArray(), StringComparer.Ordinal);

    /// <summary>Of every so many images one is held out from choices, to judge them by.</summary>
    public const int HeldOutEvery = 4;

    /// <summary>Whether an image is held out; with few images none is.</summary>
    /// <param name="image">Which one.</param>
    /// <param name="images">How many there are.</param>
    public static bool IsHeldOut(int image, int images) => images < 2 * HeldOutEvery || image % HeldOutEvery == HeldOutEvery - 1;

    /// <summary>The images to judge by: those held out, or all where they are few or the network fixes the batch.</summary>
    public CalibrationImages HeldOut() => Input.FixedBatch is not null ? this : Where(image => IsHeldOut(image, Count));

    /// <summary>The images to choose by: those that are not held out, or all where none is.</summary>
    public CalibrationImages ToChooseBy() => Input.FixedBatch is not null || Count < 2 * HeldOutEvery ? this : Where(image => !IsHeldOut(image, Count));

    /// <summary>The first <paramref name="count"/> images, or a batch more where the network fixes it.</summary>
    public CalibrationImages First(int count) => Input.FixedBatch is { } batch ? new(Input, [.. Batches.Take((count + batch - 1) / batch)], Math.Min(Count, (count + batch - 1) / batch * batch)) : Where(image => image < count);

    private CalibrationImages Where(Func<int, bool> isChosen)
    {
        int[] chosen = [.. Enumerable.Range(0, Count).Where(isChosen)];
        var batches = chosen.Chunk(BatchSize).Select(images => InputBatch.Gather(Batches, images));
        return new CalibrationImages(Input, [.. batches], chosen.Length);
    }

    /// <summary>How many images an algorithm gets that runs a network on them several times: fewer the larger the network is, from 64 to <paramref name="most"/>.</summary>
    /// <param name="graph">The network.</param>
    /// <param name="work">Multiply-accumulates of all images together in one run.</param>
    /// <param name="most">The most images.</param>
    public static int CountFor(Graph graph, double work, int most) =>
        (int)Math.Clamp(work / Math.Max(1, graph.Nodes.Sum(node => (double)node.Op.Cost(node))), Math.Min(FewestImages, most), most);

    /// <summary>Reads images until there are <paramref name="limit"/>, or as many as <paramref name="data"/> says, or as many as may be kept in memory.</summary>
    /// <param name="graph">The network that they are for.</param>
    /// <param name="data">Where they come from.</param>
    /// <param name="limit">The most images to keep; at least one batch is kept where the network fixes its size.</param>
    /// <exception cref="PithException">There is no full batch, or the images do not fit the network.</exception>
    public static CalibrationImages Read(Graph graph, CalibrationData data, int limit)
    {
        var input = INetworkInputs.Of(graph);
        var size = input.Shape.Elements;
        var batch = input.FixedBatch ?? data.BatchSize;
        var wanted = (int)Math.Max(1, Math.Min(Math.Min(limit, data.Samples), MaxBytes / sizeof(float) / size));
        if (input.FixedBatch is { } whole) wanted = Math.Max(1, wanted / whole) * whole;
        var (batches, images, count) = (new List<InputBatch>(), new float[batch * size], 0);
        var filled = 0;
        foreach (var next in data.Batches)
        {
            if (next.Shape != input.Shape) throw new PithException($"The network takes {input.Shape}, the calibration data gives {next.Shape}.");
            for (var i = 0; i < next.Count && count + filled < wanted; i++)
            {
                next.ImagesInUse.Slice(i * size, size).CopyTo(images.AsSpan(filled++ * size));
                if (filled == batch) Flush();
            }
            if (count + filled == wanted) break;
        }
        if (filled > 0 && input.FixedBatch is null) Flush();
        if (count == 0) throw new PithException($"The network's batch is fixed to {batch}, and there are only {filled} calibration images. Calibrate with at least {batch}, or export the network with an open batch.");
        return new CalibrationImages(input, batches, count);

        void Flush()
        {
            batches.Add(input.ToTensors(images.AsSpan(0, filled * size)));
            (count, filled) = (count + filled, 0);
        }
    }
}
