namespace Pith.Compression.Data;

/// <summary>How a <see cref="BatchLoader"/> goes through its dataset.</summary>
public sealed record BatchLoaderOptions
{
    /// <summary>Samples of a batch.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Whether each epoch takes the samples in a random order of its own.</summary>
    public bool Shuffle { get; init; }

    /// <summary>Decides the orders and the augmentation.</summary>
    public int Seed { get; init; }

    /// <summary>Random changes to the images; null: none.</summary>
    public Augmentation? Augmentation { get; init; }

    /// <summary>Which part of each batch is loaded, where several processes share the batches; null: all of it. Order and augmentation are those of the whole.</summary>
    internal BatchShare? Share { get; init; }

    /// <summary>Batches that are prepared ahead, each by its own task; also how many threads can be at work.</summary>
    public int Prefetch { get; init; } = 4;
}

/// <summary>Part <paramref name="Index"/>, from 0, of batches that are cut into <paramref name="Of"/> parts of equal size.</summary>
/// <param name="Index">Which part.</param>
/// <param name="Of">How many there are; divides the batch size.</param>
internal readonly record struct BatchShare(int Index, int Of);

/// <summary>
/// Reads, preprocesses, augments and batches a dataset on background threads, a bounded number of batches ahead of the consumer. Order and
/// values depend on the seed, the epoch and the sample only, never on threads. The loader may be shared; each enumeration stands alone.
/// </summary>
public sealed class BatchLoader
{
    private const int ShuffleStream = -1; // the others are the samples' own, see Augmentation

    private readonly ImageDataset _dataset;
    private readonly Preprocessing _preprocessing;
    private readonly PixelNormalizer _normalizer;
    private readonly BatchLoaderOptions _options;
    private readonly int _loaded; // samples of a batch that are loaded, the first of them at _first
    private readonly int _first;
    private readonly IReadOnlyList<SampleInput>? _inputs; // what all samples hold by name
    private readonly IReadOnlyList<Range> _taken; // the elements of such a sample that are taken

    /// <summary>Prepares a loader; reads the first sample, whose shape all the others must have.</summary>
    /// <exception cref="PithException">The preprocessing makes no sense or does not fit the dataset.</exception>
    public BatchLoader(ImageDataset dataset, Preprocessing preprocessing, BatchLoaderOptions options)
        : this(dataset, preprocessing, options, null) { }

    /// <summary>Prepares a loader for samples of several inputs.</summary>
    /// <param name="dataset">The samples.</param>
    /// <param name="preprocessing">Of images.</param>
    /// <param name="options">How it goes through them.</param>
    /// <param name="taken">The elements of each sample that a batch gets, in this order; null: all of them.</param>
    internal BatchLoader(ImageDataset dataset, Preprocessing preprocessing, BatchLoaderOptions options, IReadOnlyList<Range>? taken)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.BatchSize, nameof(options));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.Prefetch, nameof(options));
        var share = options.Share ?? new BatchShare(0, 1);
        if (share.Of < 1 || share.Index < 0 || share.Index >= share.Of || options.BatchSize % share.Of != 0)
            throw new PithException($"A batch of {options.BatchSize} images has no part {share.Index} of {share.Of} equal parts.");
        (_dataset, _preprocessing, _options) = (dataset, preprocessing, options);
        _loaded = options.BatchSize / share.Of;
        _first = share.Index * _loaded;
        _normalizer = new PixelNormalizer(preprocessing);
        var first = dataset.Load(0);
        (Shape, TakesTokens, _inputs, _taken) = (ShapeOf(first), first.IsSequence, first.Inputs, taken ?? [Range.All]);
        if (taken is not null) Shape = new ImageShape(1, 1, taken.Sum(range => range.GetOffsetAndLength(first.Values.Length).Length));
    }

    /// <summary>The shape of one sample of a batch.</summary>
    public ImageShape Shape { get; }

    /// <summary>Whether the samples are sequences of token ids.</summary>
    public bool TakesTokens { get; }

    /// <summary>What each sample holds by name; null where samples are images or sequences.</summary>
    internal IReadOnlyList<SampleInput>? Inputs => _inputs;

    /// <summary>Batches of an epoch, the short last one included.</summary>
    public int BatchCount => (_dataset.Count - 1) / _options.BatchSize + 1;

    /// <summary>
    /// Goes through the whole dataset once. A batch belongs to the loader and is valid until the next one is asked for. Leaving the loop
    /// early (or disposing the enumerator) stops the background work before it returns.
    /// </summary>
    /// <param name="epoch">Chooses the order and the augmentation; the same epoch is always the same.</param>
    /// <exception cref="PithException">A sample cannot be read, or has another shape than the first; thrown where its batch would have come.</exception>
    public IEnumerable<Batch> Epoch(int epoch = 0)
    {
        var order = Order(epoch);
        var free = new Stack<Batch>();
        var pending = new Queue<Task<Batch>>(); // in the order of the epoch
        using var stop = new CancellationTokenSource();
        try
        {
            for (int next = 0, done = 0; done < BatchCount; done++)
            {
                for (; next < BatchCount && pending.Count < _options.Prefetch; next++)
                    pending.Enqueue(Start(next, epoch, order, free.TryPop(out var buffer) ? buffer : new Batch(_loaded, Shape), stop.Token));
                var batch = pending.Dequeue().GetAwaiter().GetResult();
                yield return batch;
                free.Push(batch);
            }
        }
        finally
        {
            stop.Cancel();
            // The tasks' own outcome no longer matters, but none may still be reading when this returns.
            Task.WhenAll(pending).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).GetAwaiter().GetResult();
        }
    }

    private Task<Batch> Start(int number, int epoch, int[] order, Batch batch, CancellationToken stop)
    {
        // Of a short last batch, parts at the end may have no samples.
        var first = Math.Min(number * _options.BatchSize + _first, order.Length);
        var count = Math.Min(_loaded, order.Length - first);
        return Task.Run(() => Fill(batch, epoch, order.AsSpan(first, count), stop), stop);
    }

    private Batch Fill(Batch batch, int epoch, ReadOnlySpan<int> indices, CancellationToken stop)
    {
        batch.Count = indices.Length;
        for (var i = 0; i < indices.Length; i++)
        {
            stop.ThrowIfCancellationRequested();
            var sample = _dataset.Load(indices[i]);
            (batch.Labels[i], batch.Indices[i]) = (sample.Label, indices[i]);
            Write(sample, _options.Augmentation?.Draw(_options.Seed, epoch, indices[i]) ?? PixelShift.None, indices[i], batch.Image(i));
        }
        return batch;
    }

    private void Write(Sample sample, PixelShift shift, int index, Span<float> chw)
    {
        if (_inputs is not null || sample.Inputs is not null)
        {
            WriteInputs(sample, index, chw);
            return;
        }
        if (sample.Image is not { } image)
        {
            Expect(sample.Shape, index);
            // The order of tokens is what they say: crops and mirror images are for images.
            (sample.IsSequence ? PixelShift.None : shift).Move(sample.Values.Span, sample.Shape, chw);
            return;
        }
        var fitted = _preprocessing.Fit(image);
        Expect(new ImageShape(fitted.Channels, fitted.Height, fitted.Width), index);
        _normalizer.Write(fitted, shift, chw);
    }

    private void WriteInputs(Sample sample, int index, Span<float> values)
    {
        if (!ReferenceEquals(sample.Inputs, _inputs) && !(sample.Inputs is not null && _inputs is not null && sample.Inputs.SequenceEqual(_inputs)))
            throw new PithException($"Dataset '{_dataset.Name}': sample {index} holds {Text(sample.Inputs)}, sample 0 {Text(_inputs)}. A batch needs one length: pad or cut the data.");
        foreach (var range in _taken)
        {
            var part = sample.Values.Span[range];
            part.CopyTo(values);
            values = values[part.Length..];
        }
        static string Text(IReadOnlyList<SampleInput>? inputs) => inputs is null ? "no inputs by name" : string.Join(", ", inputs.Select(input => $"{input.Name} {input.Shape}"));
    }

    private void Expect(ImageShape shape, int index)
    {
        if (shape != Shape)
            throw new PithException($"Dataset '{_dataset.Name}': sample {index} becomes {shape}, sample 0 becomes {Shape}. A batch needs one shape: set resize and crop in the preprocessing.");
    }

    private ImageShape ShapeOf(Sample sample) =>
        sample.Image is { } image ? _preprocessing.OutputShape(image.Width, image.Height) : sample.Shape;

    private int[] Order(int epoch)
    {
        var order = Enumerable.Range(0, _dataset.Count).ToArray();
        if (_options.Shuffle) new SeededRandom(_options.Seed, epoch, ShuffleStream).Shuffle(order);
        return order;
    }
}
