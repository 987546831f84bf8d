using System.Text.Json.Serialization;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// One-shot pruning with the second moments of the inputs. From the first layer to the last, it finds sparse weights (<see cref="SparseSolver"/>) and biases with which a layer of the sparse network gives the results of the dense
/// one. Layers that stay dense get new weights as well, which compensate for errors of the layers before. It runs twice. The first walk makes the choices: held-out images decide how far weights may move from the trained ones,
/// and whether the mask comes from the solver or from the largest magnitudes. The weights were not fitted to these images, so they can also judge the whole network. The second walk fits the weights to all images with the same choices.
/// </summary>
internal sealed class SparseReconstruction
{
    /// <summary>The name of the task in progress reports while choices are made.</summary>
    public const string Task = "prune layers";

    /// <summary>The name of the task in progress reports while weights are fitted to all images.</summary>
    public const string FitTask = "fit layers";

    private readonly Graph _graph;
    private readonly LayerWalk _walk;
    private readonly int _threads;
    private readonly StepJournal _journal;

    private SparseReconstruction(Graph reference, Graph graph, CalibrationImages images, int threads, StepJournal journal)
    {
        (_graph, _threads, _journal) = (graph, threads > 0 ? threads : Environment.ProcessorCount, journal);
        _walk = new LayerWalk(reference, graph, images, _threads);
    }

    /// <summary>Changes weights and biases of <paramref name="graph"/>.</summary>
    /// <param name="reference">The dense network; not changed.</param>
    /// <param name="graph">The same network with the weights of <paramref name="reference"/>, except those that are pruned already.</param>
    /// <param name="patterns">The layers to prune by name; those that cannot be reconstructed keep the weights that they have.</param>
    /// <param name="images">What to reconstruct on.</param>
    /// <param name="choices">Null: make choices, with weights fitted to the images that are not held out. Those of such a run: fit weights to all images.</param>
    /// <param name="options">Threads (no result depends on them), progress, cancellation between two layers.</param>
    /// <param name="journal">Keeps each layer as it is done, and knows those of an earlier run.</param>
    /// <returns>What was chosen for each layer with weights, in execution order.</returns>
    /// <exception cref="PithException">A network cannot be run.</exception>
    public static IReadOnlyList<SparseChoice> Apply(Graph reference, Graph graph, IReadOnlyDictionary<string, SparsityPattern> patterns, CalibrationImages images, IReadOnlyList<SparseChoice>? choices, PruningOptions options, StepJournal journal)
    {
        var run = new SparseReconstruction(reference, graph, images, options.Threads, journal);
        var task = choices is null ? Task : FitTask;
        Node[] layers = [.. graph.Nodes.Where(node => WeightOperand.Of(node) is not null)];
        var results = new List<SparseChoice>();
        for (var i = 0; i < layers.Length; i++)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            options.Events?.Report(new ProgressMade(task, i, layers.Length, layers[i].Name));
            results.Add(run.Reconstruct(layers[i], patterns.GetValueOrDefault(layers[i].Name), i, choices?[i]));
        }
        options.Events?.Report(new ProgressMade(task, layers.Length, layers.Length));
        return results;
    }

    private SparseChoice Reconstruct(Node node, SparsityPattern? pattern, int number, SparseChoice? choice)
    {
        var (layer, reason) = _walk.Of(node);
        if (layer is null) return Kept(node, $"{(pattern is null ? "as it was" : "pruned by magnitude")}: {reason}");
        if (pattern is null && layer.Channels % 4 == 0 && SparsityPattern.Of<float>(((Tensor<float>)layer.Weight.Constant.Constant!).Span, layer.Stored) is { } found) return Kept(node, $"as it was: {found} sparse already");
        // Also for a layer that is known: what runs next starts from the same values then, to the last bit.
        _walk.MoveTo(layer);
        var fitted = _journal.Once($"{(choice is null ? Task : FitTask)}/{number}", () => Fit(layer, pattern, choice, _walk.Observe(layer, Math.Clamp(12 * layer.Columns, 8192, 32768), number)));
        layer.Put(_graph, fitted.Weights, fitted.Biases);
        return fitted.Choice;
    }

    private FittedLayer Fit(LinearLayer layer, SparsityPattern? pattern, SparseChoice? choice, LayerEvidence evidence)
    {
        var work = pattern is null ? null : new SparseWork(layer, pattern, evidence.Factors, _threads);
        if (choice is null)
        {
            var (made, chosen) = work is null ? Move(layer, evidence) : Prune(layer, work, evidence);
            return Fitted(made, chosen, evidence.Chooses);
        }
        var all = evidence.All();
        return Fitted(choice, work is null ? Moved(layer.Read(), all, choice.Strength) : choice.IsSolved ? work.Solve(all, choice.Strength) : work.Refit(all, choice.Strength), all);

        FittedLayer Fitted(SparseChoice choice, float[][] weights, LayerObjective[] objectives) => new(choice, layer.Flat(weights), layer.BiasesWith(weights, objectives));
    }

    private (SparseChoice Choice, float[][] Weights) Move(LinearLayer layer, LayerEvidence evidence)
    {
        var weights = layer.Read();
        var before = evidence.Judge(weights);
        var strength = evidence.StrengthOf(candidate => Moved(weights, evidence.Chooses, candidate));
        var moved = Moved(weights, evidence.Chooses, strength);
        var outcome = double.IsInfinity(strength) ? "weights as they were" : FormattableString.Invariant($"weights moved (penalty {strength})");
        return (new SparseChoice(Report(layer, outcome, before, evidence.Judge(moved), evidence), strength, false), moved);
    }

    private static (SparseChoice Choice, float[][] Weights) Prune(LinearLayer layer, SparseWork work, LayerEvidence evidence)
    {
        var refitted = LayerEvidence.Strengths.Select(strength => (Strength: strength, Weights: work.Refit(evidence.Chooses, strength))).Select(candidate => (candidate.Strength, candidate.Weights, Error: evidence.Judge(candidate.Weights)))
            .MinBy(candidate => candidate.Error);
        var solved = work.Solve(evidence.Chooses, refitted.Strength);
        var error = evidence.Judge(solved);
        var isSolved = error < refitted.Error;
        var outcome = FormattableString.Invariant($"mask by {(isSolved ? "second moments" : "magnitude")}, weights moved (penalty {refitted.Strength})");
        return (new SparseChoice(Report(layer, outcome, evidence.Judge(work.Largest), Math.Min(error, refitted.Error), evidence), refitted.Strength, isSolved), isSolved ? solved : refitted.Weights);
    }

    private float[][] Moved(float[][] weights, LayerObjective[] objectives, double strength) => double.IsInfinity(strength) ? weights
        : [.. objectives.Select((objective, group) => RegularizedLayer.Of(objective, weights[group], strength, keepsWeights: false, _threads).Targets)];

    private static SparseChoice Kept(Node node, string outcome) => new(new ReconstructedLayer(node.Name, node.Op.Schema.Name, outcome, double.NaN, double.NaN), double.PositiveInfinity, false);

    private static ReconstructedLayer Report(LinearLayer layer, string outcome, double before, double after, LayerEvidence evidence) =>
        new(layer.Node.Name, layer.Node.Op.Schema.Name, outcome, before / evidence.Energy, after / evidence.Energy);

    /// <summary>A layer as the journal keeps it.</summary>
    /// <param name="Choice">What was chosen.</param>
    /// <param name="Weights">In the order of the constant.</param>
    /// <param name="Biases">One for each output channel; none where the layer takes none.</param>
    private sealed record FittedLayer(SparseChoice Choice, [property: JsonConverter(typeof(ExactFloats))] float[] Weights, [property: JsonConverter(typeof(ExactFloats))] float[] Biases);
}

/// <summary>What was chosen for a layer of a network that is pruned in one shot.</summary>
/// <param name="Report">For people, with the errors on images held out.</param>
/// <param name="Strength">The penalty on moving weights; infinite where they stay.</param>
/// <param name="IsSolved">Whether the mask is the solver's instead of that of the largest magnitudes.</param>
internal sealed record SparseChoice(ReconstructedLayer Report, double Strength, bool IsSolved);
