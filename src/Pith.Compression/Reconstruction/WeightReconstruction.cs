using Pith.Ops;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// Chooses the integers of quantized weights, and biases, so that each layer gives what it gives in the float network, although its input is that of the quantized one: layer by layer, from the first to the last
/// (the asymmetric reconstruction of Nagel et al. 2020, §4.3). For each layer the float weights that do so best are a least-squares problem; <see cref="RoundingSolver"/> then finds integers for them.
/// Everything is decided by images that were held out: how far weights may move away from the trained ones, and whether the result is better than rounding to nearest. Biases are chosen so that the mean of each
/// channel is right (empirical bias correction).
/// </summary>
internal sealed class WeightReconstruction
{
    // Larger matrices take minutes to factorize.
    private const int MaxColumns = 6144;

    // The penalty on moving weights, in units of the mean energy of an input.
    private static readonly double[] s_strengths = [1, 0.1, 0.01, 0.001];

    // Weights move only where that takes this much from the error on images held out: what moves by chance adds up over many layers.
    private const double WorthMoving = 0.98;

    // With weights that stay where they are: as usual for OPTQ.
    private const double RoundingStrength = 0.01;

    private readonly Graph _graph;
    private readonly Dictionary<string, Node> _reference;
    private readonly QuantizationSettings _settings;
    private readonly GraphCursor _changed, _original;
    private readonly int _samples, _threads;

    private WeightReconstruction(Graph reference, Graph graph, QuantizationSettings settings, CalibrationImages images, int samples, int threads)
    {
        (_graph, _settings, _samples, _threads) = (graph, settings, samples, threads > 0 ? threads : Environment.ProcessorCount);
        _reference = reference.Nodes.ToDictionary(node => node.Name, StringComparer.Ordinal);
        (_changed, _original) = (new GraphCursor(graph, images, _threads), new GraphCursor(reference, images, _threads));
    }

    /// <summary>Changes weights and biases of <paramref name="graph"/>.</summary>
    /// <param name="reference">The float network; not changed.</param>
    /// <param name="graph">The same network with Q/DQ pairs around float weights; layers have the names that they have in <paramref name="reference"/>.</param>
    /// <param name="settings">Those that it was quantized with.</param>
    /// <param name="images">What to reconstruct on.</param>
    /// <param name="samples">How many samples of each layer to take, in units of the usual number.</param>
    /// <param name="threads">Threads; 0 for one per processor. No result depends on it.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/>.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    /// <returns>What was done to each layer with quantized weights, in execution order.</returns>
    /// <exception cref="PithException">A network cannot be run.</exception>
    public static IReadOnlyList<ReconstructedLayer> Apply(Graph reference, Graph graph, QuantizationSettings settings, CalibrationImages images, int samples, int threads, IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        var run = new WeightReconstruction(reference, graph, settings, images, samples, threads);
        Node[] layers = [.. graph.Nodes.Where(node => WeightOperand.Of(node) is { } weight && node.Inputs[weight.Index]!.Producer?.Op is DequantizeLinear)];
        var results = new List<ReconstructedLayer>();
        for (var i = 0; i < layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            events?.Report(new ProgressMade("reconstruct layers", i, layers.Length, layers[i].Name));
            results.Add(run.Reconstruct(layers[i], i));
        }
        events?.Report(new ProgressMade("reconstruct layers", layers.Length, layers.Length));
        return results;
    }

    private ReconstructedLayer Reconstruct(Node node, int number)
    {
        var (layer, reason) = LinearLayer.Of(node);
        if (layer is not null && layer.Columns > MaxColumns) reason = $"sums {layer.Columns} products, more than {MaxColumns}";
        if (layer is not null && layer.Weight.Constant.Uses.Count != 1) reason = "several layers share its weight";
        if (!_reference.TryGetValue(node.Name, out var original)) reason = "the float network has no layer of that name";
        if (layer is null || reason is not null) return new ReconstructedLayer(node.Name, node.Op.Schema.Name, $"rounded to nearest: {reason}", double.NaN, double.NaN);

        _changed.MoveTo(node);
        _original.MoveTo(original!);
        var target = LayerTarget.After(node);
        var present = _changed.Compute([layer.Data, .. target.Values]);
        var compared = _reference[target.Compared.Name].Output;
        var results = target.Compute(_original.Compute([compared])[compared.Name], present);
        var (fit, heldOut) = LayerSamples.Collect(layer, present[layer.Data.Name], results, _samples * Math.Clamp(6 * layer.Columns, 4096, 32768), number, _threads);
        return Solve(layer, original!, fit, heldOut);
    }

    private ReconstructedLayer Solve(LinearLayer layer, Node original, LayerMoments[] fit, LayerMoments[] heldOut)
    {
        var rows = LayerRows.Of(layer, original, _settings);
        var chooses = Array.ConvertAll(fit, moments => new LayerObjective(moments, layer.TakesBias));
        var judges = heldOut[0].Count == 0 ? chooses : Array.ConvertAll(heldOut, moments => new LayerObjective(moments, layer.TakesBias));
        var energy = judges.Sum(judge => judge.Energies.Sum());

        // How far weights may move is decided by real numbers: integers follow them closely.
        var strength = double.PositiveInfinity;
        var smallest = Judge(layer, rows, chooses, judges, strength, isRounded: false);
        foreach (var candidate in s_strengths)
        {
            var error = Judge(layer, rows, chooses, judges, candidate, isRounded: false);
            if (error < smallest * WorthMoving) (strength, smallest) = (candidate, error);
        }
        var before = Judge(rows, judges, rows.Nearest(), chooses);
        var after = Judge(layer, rows, chooses, judges, strength, isRounded: true);
        var isBetter = after < before;
        for (var group = 0; group < fit.Length; group++) fit[group].Add(heldOut[group]);
        var all = Array.ConvertAll(fit, moments => new LayerObjective(moments, layer.TakesBias));
        var weights = isBetter ? Rounded(layer, rows, all, strength) : rows.Nearest();
        rows.Write(_graph, weights, all);
        var outcome = !isBetter ? "rounded to nearest" : double.IsInfinity(strength) ? "rounded for the layer's results" : FormattableString.Invariant($"weights moved (penalty {strength}), rounded for the layer's results");
        return new ReconstructedLayer(layer.Node.Name, layer.Node.Op.Schema.Name, outcome, before / energy, Math.Min(before, after) / energy);
    }

    private double Judge(LinearLayer layer, LayerRows rows, LayerObjective[] chooses, LayerObjective[] judges, double strength, bool isRounded) =>
        Judge(rows, judges, isRounded ? Rounded(layer, rows, chooses, strength) : Moved(layer, rows, chooses, strength), chooses);

    /// <summary>The error of these weights with the biases that <paramref name="chooses"/> finds best.</summary>
    private static double Judge(LayerRows rows, LayerObjective[] judges, float[][] weights, LayerObjective[] chooses)
    {
        var errors = new double[judges.Length * rows.Rows];
        Parallel.For(0, errors.Length, i =>
        {
            var (group, row) = Math.DivRem(i, rows.Rows);
            var chosen = weights[group].AsSpan(row * rows.Columns, rows.Columns);
            errors[i] = judges[group].ErrorOf(row, chosen, chooses[group].BiasOf(row, chosen));
        });
        return errors.Sum();
    }

    private float[][] Moved(LinearLayer layer, LayerRows rows, LayerObjective[] objectives, double strength) =>
        [.. objectives.Select((objective, group) => double.IsInfinity(strength) ? rows.Weights[group] : Problem(objective, rows.Weights[group], strength).Targets)];

    private float[][] Rounded(LinearLayer layer, LayerRows rows, LayerObjective[] objectives, double strength)
    {
        var weights = new float[objectives.Length][];
        for (var group = 0; group < objectives.Length; group++)
        {
            var (g, problem) = (group, Problem(objectives[group], rows.Weights[group], strength));
            weights[g] = new float[rows.Rows * rows.Columns];
            Parallel.For(0, rows.Rows, new ParallelOptions { MaxDegreeOfParallelism = _threads }, row =>
                RoundingSolver.Solve(problem, row, rows.ScaleOf(g, row), _settings.LargestWeight, rows.KeptOf(g, row), weights[g].AsSpan(row * rows.Columns, rows.Columns)));
        }
        return weights;
    }

    private RegularizedLayer Problem(LayerObjective objective, float[] weights, double strength) =>
        RegularizedLayer.Of(objective, weights, double.IsInfinity(strength) ? RoundingStrength : strength, keepsWeights: double.IsInfinity(strength), _threads);
}
