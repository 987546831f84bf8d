namespace Pith.Compression.Evaluation;

/// <summary>
/// How far the outputs of changed versions of a network are from those of the network itself, on the same images: the energy of the difference over the energy of the outputs, 0 for equal ones. Each of several outputs counts alike.
/// One caller at a time.
/// </summary>
internal sealed class OutputError
{
    private readonly CalibrationImages _images;
    private readonly int _threads;
    private readonly Tensor[][] _reference;

    /// <summary>Runs the reference.</summary>
    /// <param name="reference">The network; not changed.</param>
    /// <param name="images">What to run it on.</param>
    /// <param name="threads">Threads of a run; 0 for one per processor. No result depends on it.</param>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public OutputError(Graph reference, CalibrationImages images, int threads)
    {
        (_images, _threads) = (images, threads);
        _reference = Run(reference);
    }

    /// <summary>The relative error of <paramref name="graph"/>, whose outputs are those of the reference in order: 0.01 is a signal-to-noise ratio of 20 dB. Infinite when an output is not finite.</summary>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public double Of(Graph graph)
    {
        var outputs = Run(graph);
        var sum = _reference.Zip(outputs, Relative).Sum();
        return double.IsFinite(sum) ? sum / _reference.Length : double.PositiveInfinity;
    }

    /// <summary>The energy of the difference over that of the reference, over all batches; infinite when something is not finite.</summary>
    /// <param name="reference">Float tensors.</param>
    /// <param name="others">Tensors of the same shapes.</param>
    public static double Relative(IReadOnlyList<Tensor> reference, IReadOnlyList<Tensor> others)
    {
        double signal = 0, noise = 0;
        for (var batch = 0; batch < reference.Count; batch++)
        {
            var (expected, got) = (reference[batch].As<float>().Data, others[batch].As<float>().Data);
            for (var i = 0; i < expected.Length; i++)
            {
                var difference = (double)expected[i] - got[i];
                signal += (double)expected[i] * expected[i];
                noise += difference * difference;
            }
        }
        return noise == 0 ? 0 : signal == 0 || !double.IsFinite(noise) ? double.PositiveInfinity : noise / signal;
    }

    /// <summary>The outputs: by output, then by batch.</summary>
    private Tensor[][] Run(Graph graph)
    {
        var names = graph.Outputs.Select(output => output.Name).ToArray();
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = _images.BatchSize, Threads = _threads, TimeTactics = false });
        using var context = engine.CreateContext();
        var results = names.Select(_ => new Tensor[_images.Batches.Count]).ToArray();
        for (var i = 0; i < _images.Batches.Count; i++)
        {
            var batch = _images.Batches[i];
            batch.WriteTo(context);
            context.Run(batch.Count);
            for (var output = 0; output < names.Length; output++) results[output][i] = context.OutputTensor(names[output]);
        }
        return results;
    }
}
