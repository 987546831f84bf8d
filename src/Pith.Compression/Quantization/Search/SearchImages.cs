using Pith.Compression.Data;

namespace Pith.Compression.Quantization;

/// <summary>
/// The images that a search decides by, and what the float network makes of them. They are kept in memory where they fit, else loaded anew for each network. One caller at a time.
/// </summary>
internal sealed class SearchImages
{
    private const int LargestBatch = 32;

    // Preprocessed images of 224x224 take 0.6 MB each: about 1700 of them.
    private const long MostBytes = 1L << 30;

    private readonly INetworkInputs _input;
    private readonly BatchLoader _loader;
    private readonly int _batch, _threads;
    private readonly bool _isClassifier;
    private readonly List<LabelledBatch>? _kept;
    private readonly List<float[][]> _reference;

    /// <summary>Runs the float network.</summary>
    /// <param name="reference">The float network; not changed.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="preprocessing">How they become the network's input.</param>
    /// <param name="metric">What will be asked for: labels are needed for <see cref="SearchMetric.Top1"/>, classes for <see cref="SearchMetric.Agreement"/>.</param>
    /// <param name="threads">Threads of a run; 0 for one per processor.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="PithException">Network, data and metric do not fit each other, or an image cannot be read.</exception>
    public SearchImages(Graph reference, ImageDataset dataset, Preprocessing preprocessing, SearchMetric metric, int threads, CancellationToken cancellation)
    {
        (_input, _threads, Count) = (INetworkInputs.Of(reference), threads, dataset.Count);
        _batch = _input.FixedBatch ?? Math.Min(LargestBatch, dataset.Count);
        var options = new BatchLoaderOptions { BatchSize = _batch };
        _loader = _input.Load(reference.Name, dataset, preprocessing, options);
        _isClassifier = metric != SearchMetric.Snr || IsTrue(() => ClassifierSignature.Of(reference));
        if (metric == SearchMetric.Top1) ClassifierSignature.Of(reference).Load(dataset, preprocessing, options);
        else if (metric == SearchMetric.Agreement) ClassifierSignature.Of(reference);
        HasLabels = _isClassifier && dataset.HasLabels && IsTrue(() => ClassifierSignature.Of(reference).Load(dataset, preprocessing, options));
        if ((long)sizeof(float) * dataset.Count * _input.Shape.Elements <= MostBytes) _kept = [.. Load()];
        _reference = [.. Run(reference, cancellation).Select(batch => batch.Outputs)];
    }

    /// <summary>The number of images.</summary>
    public int Count { get; }

    /// <summary>Whether top-1 can be told.</summary>
    public bool HasLabels { get; }

    /// <summary>How <paramref name="graph"/> does, whose input and outputs are those of the float network.</summary>
    /// <param name="graph">The network; not changed.</param>
    /// <param name="done">Told the number of images that are done.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public SearchScore Of(Graph graph, Action<int>? done, CancellationToken cancellation)
    {
        var (signal, noise) = (new double[graph.Outputs.Count], new double[graph.Outputs.Count]);
        var (reference, other) = (new TopKAccuracy(), new TopKAccuracy());
        var (number, images, agreements) = (0, 0, 0);
        foreach (var (outputs, labels) in Run(graph, cancellation))
        {
            var expected = _reference[number++];
            for (var i = 0; i < outputs.Length; i++) Add(expected[i], outputs[i], ref signal[i], ref noise[i]);
            for (var i = 0; _isClassifier && i < labels.Length; i++)
            {
                var classes = expected[0].Length / labels.Length;
                var before = expected[0].AsSpan(i * classes, classes);
                var after = outputs[0].AsSpan(i * classes, classes);
                if (TopKAccuracy.ArgMax(before) == TopKAccuracy.ArgMax(after)) agreements++;
                if (!HasLabels) continue;
                reference.Add(before, labels[i]);
                other.Add(after, labels[i]);
            }
            done?.Invoke(images += labels.Length);
        }
        var error = signal.Zip(noise, (s, n) => n == 0 ? 0 : s > 0 && double.IsFinite(n) ? n / s : double.PositiveInfinity).Average();
        return new SearchScore(Count, error, HasLabels ? PairedComparison.Of(reference, other) : null, _isClassifier ? agreements : null);
    }

    private static void Add(float[] expected, float[] got, ref double signal, ref double noise)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            var difference = (double)expected[i] - got[i];
            signal += (double)expected[i] * expected[i];
            noise += difference * difference;
        }
    }

    private IEnumerable<(float[][] Outputs, int[] Labels)> Run(Graph graph, CancellationToken cancellation)
    {
        string[] names = [.. graph.Outputs.Select(output => output.Name)];
        // By estimate: a float layer must not depend on which of two equally fast kernels won a race.
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = _batch, Threads = _threads, TimeTactics = false });
        using var context = engine.CreateContext();
        foreach (var (images, labels) in _kept ?? Load())
        {
            cancellation.ThrowIfCancellationRequested();
            _input.Write(images, context);
            var ran = _input.FixedBatch ?? labels.Length;
            context.Run(ran);
            yield return ([.. names.Select(name => RowsOf(context.OutputTensor(name), ran, labels.Length))], labels);
        }
    }

    // A network with a fixed batch runs all of it; what stands after the last image is not looked at.
    private static float[] RowsOf(Tensor output, int ran, int count)
    {
        var values = output.ConvertTo(DataType.Float32).As<float>().Span;
        return (output.Shape.Rank > 0 && output.Shape[0] == ran ? values[..(values.Length / ran * count)] : values).ToArray();
    }

    private IEnumerable<LabelledBatch> Load() => _loader.Epoch().Select(batch => new LabelledBatch(batch.ImagesInUse.ToArray(), batch.LabelsInUse.ToArray()));

    private static bool IsTrue(Action check)
    {
        try
        {
            check();
            return true;
        }
        catch (PithException)
        {
            return false;
        }
    }

    /// <summary>Images [N, C, H, W] with their classes.</summary>
    private sealed record LabelledBatch(float[] Images, int[] Labels);
}
