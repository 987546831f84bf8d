using System.Collections.Concurrent;
using System.Globalization;
using Pith.Compression.Data;

namespace Pith;

/// <summary>One class of an image, as <see cref="ImageClassifier"/> answers.</summary>
/// <param name="Class">Its index.</param>
/// <param name="Label">Its name; the index where the model does not say.</param>
/// <param name="Probability">From 0 to 1: the softmax of the scores, or the scores themselves of a network that ends in one.</param>
/// <param name="Score">The network's output.</param>
public readonly record struct Classification(int Class, string Label, float Probability, float Score);

/// <summary>What an <see cref="ImageClassifier"/> may be told. Immutable.</summary>
public sealed record ImageClassifierOptions
{
    /// <summary>The most images of one run.</summary>
    public int MaxBatch { get; init; } = 1;

    /// <summary>Threads of a run; 0 means one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>How images become the network's input; null: what the model's metadata says.</summary>
    public Preprocessing? Preprocess { get; init; }

    /// <summary>The name of each class; null: what the model's metadata says, else the numbers.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Receives decisions and warnings while the engine is built.</summary>
    public IProgress<PithEvent>? Progress { get; init; }
}

/// <summary>
/// An image or a file in, labelled classes out. Safe to call from any number of threads: each call that runs at the same time has a context (memory and threads) of its own, which later calls use again.
/// Owns its engine.
/// </summary>
public sealed class ImageClassifier : IDisposable
{
    private const int DefaultTop = 5;

    private readonly Engine _engine;
    private readonly ClassifierSignature _signature;
    private readonly Preprocessing _preprocessing;
    private readonly ConcurrentBag<EngineContext> _idle = [];
    private readonly Lock _gate = new();
    private int _running;
    private bool _disposed;

    /// <summary>Takes over an engine.</summary>
    /// <param name="engine">Of a network with one image input; disposed with the classifier.</param>
    /// <param name="options">Preprocessing and labels; batch and threads are the engine's.</param>
    /// <exception cref="PithException">The network is not an image classifier, says nothing of its preprocessing, or the labels are not as many as its classes.</exception>
    public ImageClassifier(Engine engine, ImageClassifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        options ??= new ImageClassifierOptions();
        (_engine, _signature) = (engine, ClassifierSignature.Of(engine));
        if (_signature.Input is not ImageInput) throw new PithException($"Model '{engine.Name}' is not an image classifier: it takes {SymbolSizes.Text(_signature.Input.Inputs)}. Run its {nameof(Engine)} with them.");
        var preprocessing = options.Preprocess ?? (engine.Metadata.TryGetValue(Preprocessing.MetadataKey, out var json) ? Preprocessing.FromJson(json) : null)
            ?? throw new PithException($"Model '{engine.Name}' does not say how images become its input. Give {nameof(ImageClassifierOptions)}.{nameof(ImageClassifierOptions.Preprocess)}, such as {nameof(Preprocessing)}.{nameof(Preprocessing.ImageNet)}.");
        _preprocessing = _signature.Input.Left(preprocessing);
        Labels = options.Labels ?? ClassLabels.Of(engine.Metadata);
        if (Labels.Count == 0) Labels = [.. Enumerable.Range(0, _signature.Classes).Select(index => index.ToString(CultureInfo.InvariantCulture))];
        if (Labels.Count != _signature.Classes) throw new PithException($"Model '{engine.Name}' has {_signature.Classes} classes, got {Labels.Count} labels.");
    }

    /// <summary>The name of each class.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>Loads a model.</summary>
    /// <param name="path">An ONNX file, for which an engine is built, or a plan (<c>.plan</c>).</param>
    /// <param name="options">Batch, threads, preprocessing, labels.</param>
    /// <exception cref="PithException">The file is missing, damaged or not supported, or see the constructor.</exception>
    public static ImageClassifier Load(string path, ImageClassifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        options ??= new ImageClassifierOptions();
        var build = new EngineOptions { MaxBatch = options.MaxBatch, Threads = options.Threads };
        var engine = path.EndsWith(".plan", StringComparison.OrdinalIgnoreCase) ? Engine.Load(path, build, options.Progress) : EngineBuilder.Build(OnnxModel.Load(path), build, options.Progress);
        try
        {
            return new ImageClassifier(engine, options);
        }
        catch
        {
            engine.Dispose();
            throw;
        }
    }

    /// <summary>Classifies an image file.</summary>
    /// <param name="path">JPEG, PNG, BMP, GIF, TIFF or WebP.</param>
    /// <param name="top">The most classes to return.</param>
    /// <returns>The likeliest classes, the first one first.</returns>
    /// <exception cref="PithException">The file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public IReadOnlyList<Classification> Classify(string path, int top = DefaultTop) => Classify(ImageDecoder.DecodeFile(path), top);

    /// <summary>Classifies an encoded image.</summary>
    /// <param name="encoded">The bytes of a JPEG, PNG, BMP, GIF, TIFF or WebP file.</param>
    /// <param name="top">The most classes to return.</param>
    /// <returns>The likeliest classes, the first one first.</returns>
    /// <exception cref="PithException">The bytes are not an image.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public IReadOnlyList<Classification> Classify(ReadOnlySpan<byte> encoded, int top = DefaultTop) => Classify(ImageDecoder.Decode(encoded, "image"), top);

    /// <summary>Classifies an image.</summary>
    /// <param name="image">8-bit pixels of any size.</param>
    /// <param name="top">The most classes to return.</param>
    /// <returns>The likeliest classes, the first one first.</returns>
    /// <exception cref="PithException">The crop of the preprocessing does not fit the image.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public IReadOnlyList<Classification> Classify(Image image, int top = DefaultTop) => Classify([image], top)[0];

    /// <summary>Classifies images, <see cref="ImageClassifierOptions.MaxBatch"/> in a run.</summary>
    /// <param name="images">8-bit pixels of any size.</param>
    /// <param name="top">The most classes to return for each.</param>
    /// <returns>For each image the likeliest classes, the first one first.</returns>
    /// <exception cref="PithException">The crop of the preprocessing does not fit an image.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public IReadOnlyList<IReadOnlyList<Classification>> Classify(IReadOnlyList<Image> images, int top = DefaultTop)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(top);
        var input = new float[Math.Min(images.Count, _engine.MaxBatch) * _signature.Image.Elements];
        var answers = new List<IReadOnlyList<Classification>>(images.Count);
        foreach (var chunk in images.Chunk(_engine.MaxBatch))
        {
            for (var i = 0; i < chunk.Length; i++) Write(chunk[i], input.AsSpan(i * _signature.Image.Elements, _signature.Image.Elements));
            var context = Rent();
            try
            {
                _signature.Input.Write(input.AsSpan(0, chunk.Length * _signature.Image.Elements), context);
                context.Run(_signature.Input.FixedBatch ?? chunk.Length);
                var scores = _signature.Scores(context);
                for (var i = 0; i < chunk.Length; i++) answers.Add(Answer(scores.Slice(i * _signature.Classes, _signature.Classes), top));
            }
            finally
            {
                Return(context);
            }
        }
        return answers;
    }

    /// <summary>Classifies an image file without blocking the caller: the file is read asynchronously, the network runs on a thread of the pool.</summary>
    /// <param name="path">JPEG, PNG, BMP, GIF, TIFF or WebP.</param>
    /// <param name="top">The most classes to return.</param>
    /// <param name="cancellation">Stops reading, and the run before it begins.</param>
    /// <returns>The likeliest classes, the first one first.</returns>
    /// <exception cref="PithException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The classifier has been disposed.</exception>
    public async Task<IReadOnlyList<Classification>> ClassifyAsync(string path, int top = DefaultTop, CancellationToken cancellation = default)
    {
        byte[] encoded;
        try
        {
            encoded = await File.ReadAllBytesAsync(path, cancellation).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"'{path}' cannot be read: {failure.Message}", failure);
        }
        return await Task.Run(() => Classify(ImageDecoder.Decode(encoded, path), top), cancellation).ConfigureAwait(false);
    }

    /// <summary>Disposes the engine, once calls that run have ended.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            if (_running > 0) return;
        }
        Close();
    }

    private void Write(Image image, Span<float> chw)
    {
        ArgumentNullException.ThrowIfNull(image);
        var shape = _preprocessing.OutputShape(image.Width, image.Height);
        if (shape != _signature.Image) throw new PithException($"Model '{_engine.Name}' takes images of {_signature.Image}; one of {image.Width}x{image.Height} pixels becomes {shape}. Choose the preprocessing that the model was trained with.");
        _preprocessing.Apply(image, chw);
    }

    private EngineContext Rent()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _running++;
        }
        try
        {
            return _idle.TryTake(out var context) ? context : _engine.CreateContext();
        }
        catch
        {
            Leave();
            throw;
        }
    }

    private void Return(EngineContext context)
    {
        _idle.Add(context);
        Leave();
    }

    private void Leave()
    {
        lock (_gate)
            if (--_running > 0 || !_disposed) return;
        Close();
    }

    private void Close()
    {
        foreach (var context in _idle) context.Dispose();
        _engine.Dispose();
    }

    private Classification[] Answer(ReadOnlySpan<float> scores, int top)
    {
        // Probabilities already: the network ends in a softmax.
        double sum = 0, largest = double.NegativeInfinity;
        var isProbability = true;
        foreach (var score in scores)
        {
            (sum, largest) = (sum + score, Math.Max(largest, score));
            isProbability &= score is >= 0 and <= 1;
        }
        isProbability &= Math.Abs(sum - 1) < 1e-2;
        double total = 0;
        if (!isProbability)
            foreach (var score in scores) total += Math.Exp(score - largest);
        var order = new int[scores.Length];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        var keys = scores.ToArray();
        // Of equal scores the first class wins, as in the evaluation; NaN comes last.
        Array.Sort(order, (a, b) => keys[b].CompareTo(keys[a]) is not 0 and var by ? by : a.CompareTo(b));
        var answer = new Classification[Math.Min(top, order.Length)];
        for (var i = 0; i < answer.Length; i++)
        {
            var score = keys[order[i]];
            answer[i] = new Classification(order[i], Labels[order[i]], (float)(isProbability ? score : Math.Exp(score - largest) / total), score);
        }
        return answer;
    }
}
