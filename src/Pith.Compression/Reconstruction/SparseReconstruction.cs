namespace Pith.Compression.Reconstruction;

/// <summary>
/// One-shot pruning with the second moments of the inputs: layer by layer, from the first to the last, finds sparse weights (<see cref="SparseSolver"/>) and biases with which the layer gives what it gives in the dense network,
/// although its input is that of the sparse one. Layers that stay dense get new weights as well, which make up for errors before them. Images that were held out decide how far weights may move away from the trained ones, and
/// whether masks are those of the solver or of the largest magnitudes.
/// </summary>
internal sealed class SparseReconstruction
{
    /// <summary>The name of the task in progress reports.</summary>
    public const string Task = "prune layers";

    private readonly Graph _graph;
    private readonly LayerWalk _walk;
    private readonly int _threads;

    private SparseReconstruction(Graph reference, Graph graph, CalibrationImages images, int threads)
    {
        (_graph, _threads) = (graph, threads > 0 ? threads : Environment.ProcessorCount);
        _walk = new LayerWalk(reference, graph, images, _threads);
    }

    /// <summary>Changes weights and biases of <paramref name="graph"/>.</summary>
    /// <param name="reference">The dense network; not changed.</param>
    /// <param name="graph">The same network with the weights of <paramref name="reference"/>, except those that are pruned already.</param>
    /// <param name="patterns">The layers to prune by name; those that cannot be reconstructed keep the weights that they have.</param>
    /// <param name="images">What to reconstruct on.</param>
    /// <param name="threads">Threads; 0 for one per processor. No result depends on it.</param>
    /// <param name="events">Receives <see cref="ProgressMade"/>.</param>
    /// <param name="cancellation">Stops between two layers.</param>
    /// <returns>What was done to each layer with weights, in execution order.</returns>
    /// <exception cref="PithException">A network cannot be run.</exception>
    public static IReadOnlyList<ReconstructedLayer> Apply(Graph reference, Graph graph, IReadOnlyDictionary<string, SparsityPattern> patterns, CalibrationImages images, int threads, IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        var run = new SparseReconstruction(reference, graph, images, threads);
        Node[] layers = [.. graph.Nodes.Where(node => WeightOperand.Of(node) is not null)];
        var results = new List<ReconstructedLayer>();
        for (var i = 0; i < layers.Length; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            events?.Report(new ProgressMade(Task, i, layers.Length, layers[i].Name));
            results.Add(run.Reconstruct(layers[i], patterns.GetValueOrDefault(layers[i].Name), i));
        }
        events?.Report(new ProgressMade(Task, layers.Length, layers.Length));
        return results;
    }

    private ReconstructedLayer Reconstruct(Node node, SparsityPattern? pattern, int number)
    {
        var (layer, reason) = _walk.Of(node);
        if (layer is null) return new ReconstructedLayer(node.Name, node.Op.Schema.Name, $"{(pattern is null ? "as it was" : "pruned by magnitude")}: {reason}", double.NaN, double.NaN);
        if (pattern is null && layer.Channels % 4 == 0 && SparsityPattern.Of<float>(((Tensor<float>)layer.Weight.Constant.Constant!).Span, layer.Weight.OperandLayout) is { } found)
            return new ReconstructedLayer(node.Name, node.Op.Schema.Name, $"as it was: {found} sparse already", double.NaN, double.NaN);
        var evidence = _walk.Observe(layer, Math.Clamp(12 * layer.Columns, 8192, 32768), number);
        return pattern is null ? Move(layer, evidence) : Prune(layer, pattern, evidence);
    }

    private ReconstructedLayer Move(LinearLayer layer, LayerEvidence evidence)
    {
        var weights = layer.Read();
        var before = evidence.Judge(weights);
        var strength = evidence.StrengthOf(candidate => Moved(weights, evidence.Chooses, candidate));
        var after = evidence.Judge(Moved(weights, evidence.Chooses, strength));
        var all = evidence.All();
        layer.Write(_graph, Moved(weights, all, strength), all);
        return Result(layer, double.IsInfinity(strength) ? "weights as they were" : FormattableString.Invariant($"weights moved (penalty {strength})"), before, after, evidence);
    }

    private ReconstructedLayer Prune(LinearLayer layer, SparsityPattern pattern, LayerEvidence evidence)
    {
        var work = new SparseWork(layer, pattern, evidence.Factors, _threads);
        var before = evidence.Judge(work.Largest);
        var (strength, refitted) = LayerEvidence.Strengths.Select(strength => (strength, Error: evidence.Judge(work.Refit(evidence.Chooses, strength)))).MinBy(candidate => candidate.Error);
        var solved = evidence.Judge(work.Solve(evidence.Chooses, strength));
        var isBetter = solved < refitted;
        var all = evidence.All();
        layer.Write(_graph, isBetter ? work.Solve(all, strength) : work.Refit(all, strength), all);
        return Result(layer, FormattableString.Invariant($"mask by {(isBetter ? "second moments" : "magnitude")}, weights moved (penalty {strength})"), before, Math.Min(solved, refitted), evidence);
    }

    private float[][] Moved(float[][] weights, LayerObjective[] objectives, double strength) => double.IsInfinity(strength) ? weights
        : [.. objectives.Select((objective, group) => RegularizedLayer.Of(objective, weights[group], strength, keepsWeights: false, _threads).Targets)];

    private static ReconstructedLayer Result(LinearLayer layer, string outcome, double before, double after, LayerEvidence evidence) =>
        new(layer.Node.Name, layer.Node.Op.Schema.Name, outcome, before / evidence.Energy, after / evidence.Energy);
}
