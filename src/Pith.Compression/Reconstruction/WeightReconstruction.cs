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
    // With weights that stay where they are: as usual for OPTQ.
    private const double RoundingStrength = 0.01;

    private readonly Graph _graph;
    private readonly QuantizationSettings _settings;
    private readonly LayerWalk _walk;
    private readonly int _samples, _threads;
    private readonly StepJournal _journal;
    private readonly string _step;

    private WeightReconstruction(Graph reference, Graph graph, QuantizationSettings settings, CalibrationImages images, int samples, int threads, StepJournal journal, string step)
    {
        (_graph, _settings, _samples, _threads) = (graph, settings, samples, threads > 0 ? threads : Environment.ProcessorCount);
        (_journal, _step) = (journal, step);
        _walk = new LayerWalk(reference, graph, images, _threads);
    }

    /// <summary>Changes weights and biases of <paramref name="graph"/>.</summary>
    /// <param name="reference">The float network; not changed.</param>
    /// <param name="graph">The same network with Q/DQ pairs around float weights; layers have the names that they have in <paramref name="reference"/>.</param>
    /// <param name="settings">Those that it was quantized with.</param>
    /// <param name="images">What to reconstruct on.</param>
    /// <param name="samples">How many samples of each layer to take, in units of the usual number.</param>
    /// <param name="threads">Threads; 0 for one per processor. No result depends on it.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/>.</param>
    /// <param name="journal">Keeps each layer as it is done, and knows those of an earlier run.</param>
    /// <param name="step">What the layers are called there.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    /// <returns>What was done to each layer with quantized weights, in execution order.</returns>
    /// <exception cref="PithException">A network cannot be run.</exception>
    public static IReadOnlyList<ReconstructedLayer> Apply(Graph reference, Graph graph, QuantizationSettings settings, CalibrationImages images, int samples, int threads, IProgress<PithEvent>? events = null, StepJournal? journal = null, string step = "", CancellationToken cancellation = default)
    {
        var run = new WeightReconstruction(reference, graph, settings, images, samples, threads, journal ?? StepJournal.None, step);
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
        var (layer, reason) = _walk.Of(node);
        if (layer is null) return new ReconstructedLayer(node.Name, node.Op.Schema.Name, $"rounded to nearest: {reason}", double.NaN, double.NaN);
        // Also for a layer that is known: what runs next starts from the same values then, to the last bit.
        _walk.MoveTo(layer);
        var rows = LayerRows.Of(layer, _walk.OriginalOf(layer), _settings);
        var solved = _journal.Once($"{_step}/{number}", () => Solve(layer, rows, _walk.Observe(layer, _samples * Math.Clamp(6 * layer.Columns, 4096, 32768), number)));
        rows.Write(_graph, solved.Rounded);
        return solved.Report;
    }

    private SolvedLayer Solve(LinearLayer layer, LayerRows rows, LayerEvidence evidence)
    {
        // How far weights may move is decided by real numbers: integers follow them closely.
        var strength = evidence.StrengthOf(candidate => Moved(rows, evidence.Chooses, candidate));
        var before = evidence.Judge(rows.Nearest());
        var problems = Problems(rows, evidence.Chooses, strength);
        var after = evidence.Judge(Rounded(rows, problems));
        var isBetter = after < before;
        var all = evidence.All();
        var rounded = isBetter ? rows.With(Rounded(rows, Problems(rows, all, strength)), all) : rows.With(rows.Nearest(), all);
        var outcome = !isBetter ? "rounded to nearest" : double.IsInfinity(strength) ? "rounded for the layer's results" : FormattableString.Invariant($"weights moved (penalty {strength}), rounded for the layer's results");
        return new SolvedLayer(new ReconstructedLayer(layer.Node.Name, layer.Node.Op.Schema.Name, outcome, before / evidence.Energy, Math.Min(before, after) / evidence.Energy), rounded);
    }

    private float[][] Moved(LayerRows rows, LayerObjective[] objectives, double strength) =>
        [.. objectives.Select((objective, group) => double.IsInfinity(strength) ? rows.Weights[group] : RegularizedLayer.Of(objective, rows.Weights[group], strength, keepsWeights: false, _threads).Targets)];

    private float[][] Rounded(LayerRows rows, RegularizedLayer[] problems)
    {
        var weights = Array.ConvertAll(problems, _ => new float[rows.Rows * rows.Columns]);
        Parallel.For(0, problems.Length * rows.Rows, new ParallelOptions { MaxDegreeOfParallelism = _threads }, i =>
        {
            var (group, row) = Math.DivRem(i, rows.Rows);
            RoundingSolver.Solve(problems[group], row, rows.ScaleOf(group, row), _settings.LargestWeight, rows.KeptOf(group, row), weights[group].AsSpan(row * rows.Columns, rows.Columns));
        });
        return weights;
    }

    private RegularizedLayer[] Problems(LayerRows rows, LayerObjective[] objectives, double strength) =>
        [.. objectives.Select((objective, group) => RegularizedLayer.Of(objective, rows.Weights[group], double.IsInfinity(strength) ? RoundingStrength : strength, keepsWeights: double.IsInfinity(strength), _threads))];

    private sealed record SolvedLayer(ReconstructedLayer Report, RoundedWeights Rounded);
}
