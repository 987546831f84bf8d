using System.Diagnostics;

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

    /// <summary>Batches that are prepared ahead, by all cores together; 0: as many as keep all cores at work, at least two.</summary>
    public int Prefetch { get; init; }
}

/// <summary>Part <paramref name="Index"/>, from 0, of batches that are cut into <paramref name="Of"/> parts of equal size.</summary>
/// <param name="Index">Which part.</param>
/// <param name="Of">How many there are; divides the batch size.</param>
internal readonly record struct BatchShare(int Index, int Of);

/// <summary>What loading took.</summary>
internal sealed class LoadingTimes
{
    private long _busyTicks;
    private long _waitTicks;
    private long _images;

    /// <summary>Seconds in which the consumer waited for a batch.</summary>
    public double WaitSeconds => (double)_waitTicks / Stopwatch.Frequency;

    /// <summary>Images that could be loaded in a second by all cores, at the time that each took.</summary>
    public double ImagesPerSecond => _images * (double)Environment.ProcessorCount * Stopwatch.Frequency / Math.Max(1, _busyTicks);

    internal void AddWait(long since) => _waitTicks += Stopwatch.GetTimestamp() - since;

    internal void AddWork(long since, int images)
    {
        Interlocked.Add(ref _busyTicks, Stopwatch.GetTimestamp() - since);
        Interlocked.Add(ref _images, images);
    }
}

/// <summary>
/// Reads, preprocesses, augments and batches a dataset on the thread pool, a bounded number of batches ahead of the consumer. Order and
/// values depend on the seed, the epoch and the sample (mixing: the batch) only, never on threads or on how processes share batches. The
/// loader may be shared; each enumeration stands alone.
/// </summary>
public sealed class BatchLoader
{
    private const int ShuffleStream = -1; // those from 0 on are the samples' own, see Augmentation
    private const int FirstMixStream = -2; // and downwards: the batches'
    private const int PiecesPerCore = 4;

    private readonly ImageDataset _dataset;
    private readonly SampleLoader _samples;
    private readonly BatchLoaderOptions _options;
    private readonly int _prefetch;
    private readonly int _loaded; // samples of a batch that are loaded, the first of them at _first
    private readonly int _first;
    private readonly bool _isRounded; // the network takes whole samples

    /// <summary>Prepares a loader; reads the first sample, whose shape all the others must have.</summary>
    /// <exception cref="PithException">The preprocessing makes no sense or does not fit the dataset, or the augmentation does not.</exception>
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
        ArgumentOutOfRangeException.ThrowIfNegative(options.Prefetch, nameof(options));
        var share = options.Share ?? new BatchShare(0, 1);
        if (share.Of < 1 || share.Index < 0 || share.Index >= share.Of || options.BatchSize % share.Of != 0)
            throw new PithException($"A batch of {options.BatchSize} images has no part {share.Index} of {share.Of} equal parts.");
        (_dataset, _options) = (dataset, options);
        _loaded = options.BatchSize / share.Of;
        _first = share.Index * _loaded;
        _prefetch = options.Prefetch > 0 ? options.Prefetch : Math.Max(2, 1 + (2 * Environment.ProcessorCount - 1) / _loaded);
        _samples = new SampleLoader(dataset, preprocessing, options.Augmentation, options.Seed, taken);
        _isRounded = preprocessing == preprocessing.KeepingSamples();
    }

    /// <summary>The shape of one sample of a batch.</summary>
    public ImageShape Shape => _samples.Shape;

    /// <summary>Whether the samples are sequences of token ids.</summary>
    public bool TakesTokens => _samples.TakesTokens;

    /// <summary>What each sample holds by name; null where samples are images or sequences.</summary>
    internal IReadOnlyList<SampleInput>? Inputs => _samples.Inputs;

    /// <summary>Batches of an epoch, the short last one included.</summary>
    public int BatchCount => (_dataset.Count - 1) / _options.BatchSize + 1;

    private IReadOnlyList<IMixAugmentation> Mixes => _options.Augmentation?.Policy?.Mixes ?? [];

    /// <summary>
    /// Goes through the whole dataset once. A batch belongs to the loader and is valid until the next one is asked for. Leaving the loop
    /// early (or disposing the enumerator) stops the background work before it returns.
    /// </summary>
    /// <param name="epoch">Chooses the order and the augmentation; the same epoch is always the same.</param>
    /// <exception cref="PithException">A sample cannot be read, or has another shape than the first; thrown where its batch would have come.</exception>
    public IEnumerable<Batch> Epoch(int epoch = 0) => Batches(epoch, 0, BatchCount, new LoadingTimes());

    /// <summary>The batches of an epoch from <paramref name="first"/> to before <paramref name="end"/>; the others are not loaded.</summary>
    internal IEnumerable<Batch> Batches(int epoch, int first, int end, LoadingTimes times)
    {
        var order = Order(epoch);
        var free = new Stack<Batch>();
        var pending = new Queue<Task<Batch>>(); // in the order of the epoch
        using var stop = new CancellationTokenSource();
        try
        {
            for (int next = first, done = first; done < end; done++)
            {
                for (; next < end && pending.Count < _prefetch; next++)
                    pending.Enqueue(Prepare(next, epoch, order, free.TryPop(out var buffer) ? buffer : new Batch(_loaded, Shape), times, stop.Token));
                var since = Stopwatch.GetTimestamp();
                var batch = pending.Dequeue().GetAwaiter().GetResult();
                times.AddWait(since);
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

    /// <summary>Loads this process's part of a batch, in pieces that all cores take in the order of the batches.</summary>
    private async Task<Batch> Prepare(int number, int epoch, int[] order, Batch batch, LoadingTimes times, CancellationToken stop)
    {
        // Of a short last batch, parts at the end may have no samples.
        var start = number * _options.BatchSize;
        var whole = order.AsMemory(start, Math.Min(_options.BatchSize, order.Length - start));
        var first = Math.Min(_first, whole.Length);
        var part = whole.Slice(first, Math.Min(_loaded, whole.Length - first));
        batch.Count = part.Length;
        var piece = Math.Max(1, part.Length / (PiecesPerCore * Environment.ProcessorCount));
        var work = new List<Task>();
        for (var at = 0; at < part.Length; at += piece)
        {
            var (from, end) = (at, Math.Min(part.Length, at + piece));
            work.Add(Task.Run(() => Load(batch, epoch, part, from, end, times, stop), stop));
        }
        // Of several failures, this throws the first in the order of the samples.
        await Task.WhenAll(work).ConfigureAwait(false);
        if (Mixes.Count > 0 && part.Length > 0) Mix(batch, epoch, number, whole, first, times);
        return batch;
    }

    private void Load(Batch batch, int epoch, ReadOnlyMemory<int> indices, int from, int end, LoadingTimes times, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        for (var i = from; i < end; i++)
        {
            stop.ThrowIfCancellationRequested();
            var index = indices.Span[i];
            (batch.Labels[i], batch.Indices[i]) = (_samples.Load(index, epoch, batch.Image(i)), index);
        }
        times.AddWork(since, end - from);
    }

    /// <summary>Mixes each sample with the one before it. The first sample of a process's part has its partner in another part, so it is loaded here too: batches are the same however they are shared.</summary>
    private void Mix(Batch batch, int epoch, int number, ReadOnlyMemory<int> whole, int first, LoadingTimes times)
    {
        var since = Stopwatch.GetTimestamp();
        var random = new SeededRandom(_options.Seed, epoch, FirstMixStream - number);
        var mix = Mixes[random.Next(Mixes.Count)].Draw(Shape, ref random);
        var (last, partner) = (batch.Count - 1, new float[Shape.Elements]);
        batch.OwnShare = mix.OwnShare;
        if (batch.Count == whole.Length)
        {
            batch.Image(last).CopyTo(partner);
            batch.PartnerLabels[0] = batch.Labels[last];
        }
        else batch.PartnerLabels[0] = _samples.Load(whole.Span[(first + whole.Length - 1) % whole.Length], epoch, partner);
        // From the end, so that the one before is still as it was loaded.
        for (var i = last; i >= 0; i--)
        {
            if (i > 0) batch.PartnerLabels[i] = batch.Labels[i - 1];
            mix.Apply(batch.Image(i), i > 0 ? batch.Image(i - 1) : partner, Shape);
        }
        if (_isRounded && mix.Window is null)
            foreach (ref var sample in batch.ImagesInUse) sample = MathF.Round(sample);
        times.AddWork(since, 0);
    }

    private int[] Order(int epoch)
    {
        var order = Enumerable.Range(0, _dataset.Count).ToArray();
        if (_options.Shuffle) new SeededRandom(_options.Seed, epoch, ShuffleStream).Shuffle(order);
        return order;
    }
}
