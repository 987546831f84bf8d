using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>Runs the float network, the simulator (Q/DQ pairs as written, in floats) and the engine on the same images, one by one, and compares the activations that have pairs.</summary>
internal sealed class NetworkTraces
{
    private readonly QdqNetwork _network;
    private readonly Graph _float;
    private readonly CalibrationImages _images;
    private readonly DiagnosisOptions _options;
    private readonly TensorTrace[] _traces;
    private int _agreements;
    private bool _hasClasses = true;

    public NetworkTraces(QdqNetwork network, Graph floatNetwork, CalibrationImages images, DiagnosisOptions options)
    {
        (_network, _float, _images, _options) = (network, floatNetwork, images, options);
        _traces = [.. network.Activations.Where(pair => floatNetwork.Find(pair.Tensor) is not null).DistinctBy(pair => pair.Tensor).Select(pair => new TensorTrace(pair))];
    }

    /// <summary>The activations, in execution order.</summary>
    public IReadOnlyList<TensorDiagnosis> Tensors => [.. _traces.Select(trace => trace.ToDiagnosis())];

    /// <summary>The distribution of each activation in the float network.</summary>
    public IEnumerable<(ActivationPair Pair, Histogram Values)> Histograms => _traces.Select(trace => (trace.Pair, trace.Values));

    /// <summary>Images whose largest output is the same in engine and float network; null when outputs are not vectors.</summary>
    public int? Agreements => _hasClasses ? _agreements : null;

    /// <summary>Integer tensors that were compared between engine and simulator, bit for bit.</summary>
    public int ComparedTensors => _traces.Count(trace => trace.Compared > 0);

    /// <summary>The first of these in execution order that differs; null when all are equal.</summary>
    public string? FirstDifference => _traces.FirstOrDefault(trace => trace.Different > 0)?.Pair.Tensor;

    /// <summary>The largest difference between outputs of engine and simulator: where these are floats, the order of their sums shows.</summary>
    public double OutputDifference { get; private set; }

    /// <summary>Runs all images.</summary>
    /// <exception cref="PithException">A network cannot be built, or the float network computes a value that is not finite.</exception>
    public void Run()
    {
        var batch = _images.Input.FixedBatch ?? 1;
        var options = new EngineOptions { MaxBatch = batch, Threads = _options.Threads, TimeTactics = false };
        using var reference = EngineTrace.Build(_float, options, [.. _traces.Select(trace => trace.Pair.Tensor).Where(name => _float.Find(name)!.Producer is not null)]);
        using var simulator = EngineTrace.Build(_network.Graph, options with { Literal = true }, [.. _traces.SelectMany(trace => new[] { trace.Pair.Tensor, trace.Pair.Quantized }).Where(name => _network.Graph.Find(name)!.Producer is not null)]);
        using var engine = EngineTrace.Build(_network.Graph, options);
        var (done, total) = (0, _images.Count / batch);
        _options.Events?.Report(new ProgressMade("compare tensors", 0, total));
        foreach (var image in Enumerable.Range(0, _images.Runs).Select(_images.Run))
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            var (floats, simulated, fused) = (Run(reference, image), Run(simulator, image), Run(engine, image));
            foreach (var trace in _traces)
                if (floats.GetValueOrDefault(trace.Pair.Tensor) is { } tensor)
                    trace.Add(tensor.ConvertTo(DataType.Float32).As<float>(), simulated.GetValueOrDefault(trace.Pair.Tensor), simulated.GetValueOrDefault(trace.Pair.Quantized), fused.GetValueOrDefault(trace.Pair.Quantized));
            foreach (var output in _network.Graph.Outputs) Compare(simulated[output.Name], fused[output.Name]);
            CompareClasses(floats, fused);
            _options.Events?.Report(new ProgressMade("compare tensors", ++done, total));
        }
    }

    private void Compare(Tensor simulated, Tensor fused)
    {
        var signal = new SignalComparison();
        signal.Add(simulated.ConvertTo(DataType.Float64).As<double>().Span, fused.ConvertTo(DataType.Float64).As<double>().Span);
        OutputDifference = Math.Max(OutputDifference, signal.MaxAbsoluteError);
    }

    private void CompareClasses(OrderedDictionary<string, Tensor> floats, OrderedDictionary<string, Tensor> fused)
    {
        var (expected, got) = (floats[_float.Outputs[0].Name], fused[_network.Graph.Outputs[0].Name]);
        _hasClasses &= expected.Shape.Rank >= 2 && expected.DataType == DataType.Float32 && expected.Shape.LengthOf(1, expected.Shape.Rank) == expected.Shape.Dims.ToArray().Skip(1).Max();
        if (!_hasClasses) return;
        var classes = expected.Shape.LengthOf(1, expected.Shape.Rank);
        for (var i = 0; i < expected.Shape[0]; i++)
            if (TopKAccuracy.ArgMax(expected.As<float>().Span.Slice(i * classes, classes)) == TopKAccuracy.ArgMax(got.As<float>().Span.Slice(i * classes, classes))) _agreements++;
    }

    private static OrderedDictionary<string, Tensor> Run(EngineTrace trace, InputBatch image)
    {
        var tensors = new OrderedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, tensor) in image.Inputs) tensors[name] = tensor;
        trace.Run(image.Tensors, (name, tensor) => tensors[name] = tensor);
        return tensors;
    }
}
