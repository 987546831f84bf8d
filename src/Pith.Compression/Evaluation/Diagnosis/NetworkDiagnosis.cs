using Pith.Compression.Data;
using Pith.Passes;

namespace Pith.Compression.Evaluation;

/// <summary>Makes a <see cref="Diagnosis"/>: runs the network in float, simulated and in the engine side by side, then with layers switched to float or INT8 one by one.</summary>
public sealed class NetworkDiagnosis
{
    // Small, because all activations of the float network are alive at once.
    private const int BatchSize = 8;

    // How many of the costliest layers are put in float together.
    private static readonly int[] s_floatLayers = [1, 2, 3, 5, 8, 12];

    private readonly DiagnosisOptions _options;
    private readonly QdqNetwork _network;
    private readonly Graph _float;
    private readonly CalibrationImages _images;
    private readonly bool _hasFloatModel;
    private readonly OutputError _againstFloat;
    private readonly OutputError _againstOwnFloat;

    private NetworkDiagnosis(Graph quantized, Graph? floatModel, ImageDataset dataset, Preprocessing preprocessing, DiagnosisOptions options)
    {
        _options = options;
        _hasFloatModel = floatModel is not null;
        if (floatModel is not null) floatModel = Simplified(floatModel, options);
        _network = new QdqNetwork(quantized, floatModel);
        _float = _network.With(_ => QuantizedParts.None);
        _images = ReadImages(quantized, dataset, preprocessing, options);
        if (floatModel is not null) RequireSameTask(quantized, floatModel);
        _againstOwnFloat = new OutputError(_float, _images, options.Threads);
        _againstFloat = floatModel is null ? _againstOwnFloat : new OutputError(floatModel, _images, options.Threads);
    }

    /// <summary>Runs a diagnosis.</summary>
    /// <param name="quantized">A network with Q/DQ pairs; not changed.</param>
    /// <param name="floatModel">The network that it was made from; null: pairs are taken out of <paramref name="quantized"/>, and errors of rounding weights are not seen.</param>
    /// <param name="dataset">Images to run; labels are not used.</param>
    /// <param name="preprocessing">How they become the network's input.</param>
    /// <param name="options">How many, threads, progress.</param>
    /// <exception cref="PithException">The network has no pairs, or networks and data do not fit each other.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled before layers were measured.</exception>
    public static Diagnosis Run(Graph quantized, Graph? floatModel, ImageDataset dataset, Preprocessing preprocessing, DiagnosisOptions options)
    {
        ArgumentNullException.ThrowIfNull(quantized);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentNullException.ThrowIfNull(options);
        return new NetworkDiagnosis(quantized, floatModel, dataset, preprocessing, options).Run();
    }

    private Diagnosis Run()
    {
        var traces = new NetworkTraces(_network, _float, _images, _options);
        traces.Run();
        var layers = _network.Layers.Select(layer => new LayerDiagnosis(layer.Name, layer.OpType, [.. layer.Activations.Select(activation => activation.Tensor).Distinct()], _network.Weight(layer))).ToArray();
        var diagnosis = new Diagnosis
        {
            Images = _images.Count,
            HasFloatModel = _hasFloatModel,
            WeightLayers = layers.Count(layer => layer.Weight is not null),
            MatchedLayers = _network.Matched.Count,
            Error = _againstFloat.Of(_network.Graph),
            ErrorOfWeights = _againstFloat.Of(_network.With(_ => QuantizedParts.Weights)),
            ErrorOfActivations = _againstFloat.Of(_network.With(_ => QuantizedParts.Activations)),
            ErrorOfFloatForm = _hasFloatModel ? _againstFloat.Of(_float) : null,
            Agreements = traces.Agreements,
            IsComplete = false,
            Tensors = traces.Tensors,
            Layers = layers,
            FloatLayers = [],
            Findings = [],
        };
        diagnosis = WithCosts(diagnosis);
        return diagnosis with { Findings = [.. new DiagnosisFindings(diagnosis, traces).All()] };
    }

    private Diagnosis WithCosts(Diagnosis diagnosis)
    {
        var counts = s_floatLayers.Where(count => count < _network.Layers.Count).ToArray();
        var (done, total) = (0, 2 * _network.Layers.Count + counts.Length);
        Report("");
        var layers = diagnosis.Layers.ToArray();
        for (var i = 0; i < layers.Length && !_options.Cancellation.IsCancellationRequested; i++)
        {
            var name = layers[i].Name;
            var alone = _againstOwnFloat.Of(_network.With(layer => layer.Name == name ? QuantizedParts.All : QuantizedParts.None));
            Report(name);
            if (_options.Cancellation.IsCancellationRequested) break;
            var without = _againstFloat.Of(_network.With(layer => layer.Name == name ? QuantizedParts.None : QuantizedParts.All));
            Report(name);
            layers[i] = layers[i] with { ErrorAlone = alone, ErrorWithout = without, Gain = diagnosis.Error > 0 ? 1 - without / diagnosis.Error : 0 };
        }
        var sum = layers.Sum(layer => layer.ErrorAlone ?? 0);
        for (var i = 0; i < layers.Length; i++)
            if (layers[i].ErrorAlone is { } alone) layers[i] = layers[i] with { Share = sum > 0 ? alone / sum : 0 };

        var costliest = layers.Where(layer => layer.Gain is > 0).OrderByDescending(layer => layer.Gain).Select(layer => layer.Name).ToArray();
        var trials = new List<FloatLayersTrial>();
        foreach (var count in counts.Where(count => count <= costliest.Length))
        {
            if (_options.Cancellation.IsCancellationRequested) break;
            var kept = costliest[..count];
            trials.Add(new FloatLayersTrial(kept, _againstFloat.Of(_network.With(layer => kept.Contains(layer.Name) ? QuantizedParts.None : QuantizedParts.All))));
            Report($"{count} layers in float");
        }
        var complete = !_options.Cancellation.IsCancellationRequested;
        if (complete && done < total)
        {
            done = total - 1;
            Report("");
        }
        return diagnosis with { Layers = layers, FloatLayers = trials, IsComplete = complete };

        void Report(string detail) => _options.Events?.Report(new ProgressMade("measure layers", detail.Length == 0 && done == 0 ? 0 : ++done, total, detail));
    }

    private static Graph Simplified(Graph graph, DiagnosisOptions options)
    {
        var copy = FloatModel.CopyOf(graph, "debug --float", options.Events);
        PassRunner.RunToFixpoint(copy, Pipelines.Simplify);
        return copy;
    }

    private static CalibrationImages ReadImages(Graph graph, ImageDataset dataset, Preprocessing preprocessing, DiagnosisOptions options)
    {
        var input = INetworkInputs.Of(graph);
        var samples = Math.Min(options.Samples, dataset.Count);
        var drawn = new DatasetSubset(dataset, DataSplit.Draw(dataset, samples, seed: 0));
        var batch = input.FixedBatch ?? Math.Min(BatchSize, samples);
        var loader = input.Load(graph.Name, drawn, preprocessing, new BatchLoaderOptions { BatchSize = batch });
        return CalibrationImages.Read(graph, new CalibrationData(loader.Epoch(), samples, batch), samples);
    }

    private static void RequireSameTask(Graph quantized, Graph floatModel)
    {
        if (floatModel.Inputs.Count != quantized.Inputs.Count || !floatModel.Inputs.Zip(quantized.Inputs).All(pair => pair.First.Name == pair.Second.Name && pair.First.Type.Accepts(pair.Second.Type)))
            throw new PithException($"The float model takes ({string.Join(", ", floatModel.Inputs)}), the quantized one ({string.Join(", ", quantized.Inputs)}). Give the model that it was quantized from.");
        if (floatModel.Outputs.Count != quantized.Outputs.Count || !floatModel.Outputs.Zip(quantized.Outputs).All(pair => pair.First.Type.Accepts(pair.Second.Type)))
            throw new PithException($"The float model gives ({string.Join(", ", floatModel.Outputs)}), the quantized one ({string.Join(", ", quantized.Outputs)}). Give the model that it was quantized from.");
    }
}
