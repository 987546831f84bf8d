namespace Pith.Compression.Evaluation;

/// <summary>
/// How far the outputs of changed versions of a network are from those of the network itself, on the same images: the energy of the difference over the energy of the outputs, 0 for equal ones. Each of several outputs counts alike.
/// One caller at a time.
/// </summary>
internal sealed class OutputError
{
    private readonly CalibrationImages _images;
    private readonly int _threads;
    private readonly ExpectedOutputs _expected;

    /// <summary>Runs the reference.</summary>
    /// <param name="reference">The network; not changed.</param>
    /// <param name="images">What to run it on.</param>
    /// <param name="threads">Threads of a run; 0 for one per processor. No result depends on it.</param>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public OutputError(Graph reference, CalibrationImages images, int threads)
    {
        (_images, _threads) = (images, threads);
        var outputs = reference.Outputs.Select(_ => new Tensor[images.Batches.Count]).ToArray();
        Run(reference, (context, names, batch) =>
        {
            for (var output = 0; output < names.Length; output++) outputs[output][batch] = context.OutputTensor(names[output]);
            return true;
        });
        _expected = new ExpectedOutputs(outputs);
    }

    /// <summary>The relative error of <paramref name="graph"/>, whose outputs are those of the reference in order: 0.01 is a signal-to-noise ratio of 20 dB. Infinite when an output is not finite.</summary>
    /// <param name="graph">The changed network.</param>
    /// <param name="limit">When the error is not below, the result is infinite as soon as that is certain.</param>
    /// <exception cref="PithException">The network cannot be run.</exception>
    public double Of(Graph graph, double limit = double.PositiveInfinity)
    {
        var sum = _expected.Compare();
        Run(graph, (context, names, batch) =>
        {
            for (var output = 0; output < names.Length; output++) sum.Add(output, batch, context.Output<float>(names[output]));
            return sum.Error < limit;
        });
        return sum.Error < limit ? sum.Error : double.PositiveInfinity;
    }

    /// <summary>Runs batch after batch, until <paramref name="take"/> has seen enough.</summary>
    private void Run(Graph graph, Func<EngineContext, string[], int, bool> take)
    {
        var names = graph.Outputs.Select(output => output.Name).ToArray();
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = _images.BatchSize, Threads = _threads, TimeTactics = false });
        using var context = engine.CreateContext();
        for (var i = 0; i < _images.Batches.Count; i++)
        {
            var batch = _images.Batches[i];
            batch.WriteTo(context);
            context.Run(batch.Count);
            if (!take(context, names, i)) return;
        }
    }
}
