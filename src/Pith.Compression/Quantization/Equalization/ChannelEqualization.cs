using System.Globalization;
using Pith.Compression.Evaluation;
using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Equalisation of channels before post-training quantization: rows of the weights that make a channel are multiplied by a factor and columns of the weights that read it are divided by it, so that channels use the range that they share well
/// (cross-layer equalisation, Nagel et al. 2019; SmoothQuant, Xiao et al. 2022). The float network stays the same function on the calibration images. Factors come from a prediction of the noise (<see cref="NoiseModel"/>) and are
/// kept where the quantized network's outputs, measured, are nearer to the float ones.
/// </summary>
internal static class ChannelEqualization
{
    /// <summary>The name of the task in progress reports.</summary>
    public const string Task = "equalize channels";

    // Energy of the difference over energy of the outputs: rounding of float sums in another order is below 1e-10.
    private const double LargestChange = 1e-8;

    private const int RoundsPerTensor = 3;

    // Units are tried alone where there are few, in groups of neighbours where there are many.
    private const int MaxTrials = 12;

    /// <summary>Equalises a copy of <paramref name="graph"/>.</summary>
    /// <param name="graph">A simplified float network (batch norm folded); not changed.</param>
    /// <param name="settings">How it will be quantized.</param>
    /// <param name="images">What its noise is predicted and measured on.</param>
    /// <param name="threads">Threads of a run; 0 for one per processor. No result depends on it.</param>
    /// <param name="repairsWeights">
    /// Whether the rounding of weights will be repaired afterwards (layer-wise reconstruction): then classes are kept for what they do to activations, weights staying in float while it is measured. Without effect with one scale for each weight,
    /// whose damage no rounding repairs.
    /// </param>
    /// <param name="events">Receives <see cref="ProgressMade"/>, and a <see cref="Warning"/> when the outputs changed and everything was undone.</param>
    /// <exception cref="PithException">The settings do not fit the graph, or it cannot be run on the images.</exception>
    public static EqualizationResult Apply(Graph graph, QuantizationSettings settings, CalibrationImages images, int threads, bool repairsWeights = false, IProgress<PithEvent>? events = null)
    {
        var placement = QdqPlacement.Find(graph, settings);
        var kept = new List<EqualizationUnit.FreeClass>();
        var units = EqualizationUnit.Find(graph, placement, kept);
        var reports = new Reports(graph, units, kept);
        if (placement.Activations.Count == 0 || units.Count == 0) return new EqualizationResult(graph.Clone(), reports.Classes, [], 0, 0);
        var model = NoiseModel.Of(graph, placement, settings, units, images, threads);
        var trial = new Trial(graph, settings, images, threads, placement, model.Statistics, roundsWeights: !repairsWeights || !settings.PerChannel);
        var before = trial.Error([]);
        // The mean of a weight's error counts more than the prediction can be sure of, so factors with and without it are measured.
        foreach (var countsMeans in (ReadOnlySpan<bool>)(repairsWeights && settings.PerChannel ? [false] : [false, true]))
        {
            foreach (var unit in units) Array.Fill(unit.Factors, 1);
            Choose(model, units, countsMeans, settings, threads, events);
            trial.Propose(units);
        }
        trial.TakeBest(units);
        var changed = units.Where(unit => unit.Changes).ToArray();
        if (trial.WhyNotEqual is { } difference) events?.Report(new Warning($"The channels of '{graph.Name}' are not equalised: {difference}."));
        var (best, after) = changed.Length == 0 || trial.WhyNotEqual is not null ? ([], before) : Verify(trial, changed, before, events);
        foreach (var unit in changed.Except(best)) reports.Undo(unit, trial.WhyNotEqual ?? "the quantized network's outputs are no better with it");
        double[][] factors = [.. units.Select(unit => best.Contains(unit) ? unit.Factors : [.. Enumerable.Repeat(1.0, unit.Size)])];
        return new EqualizationResult(Recorded(graph, best), reports.Classes, factors, before, after);
    }

    /// <summary>A copy of <paramref name="graph"/> with factors that were chosen before, as <see cref="EqualizationResult.Factors"/> has them.</summary>
    public static Graph With(Graph graph, QuantizationSettings settings, double[][] factors)
    {
        var units = EqualizationUnit.Find(graph, QdqPlacement.Find(graph, settings), []);
        for (var i = 0; i < units.Count; i++) factors[i].CopyTo(units[i].Factors, 0);
        return Recorded(graph, [.. units.Where(unit => unit.Changes)]);
    }

    private static Graph Recorded(Graph graph, IReadOnlyList<EqualizationUnit> units)
    {
        var copy = Scaled(graph, units);
        EqualizationRecord.Write(copy, units);
        return copy;
    }

    private static Graph Scaled(Graph graph, IEnumerable<EqualizationUnit> units)
    {
        var copy = graph.Clone();
        foreach (var unit in units) unit.Apply(copy);
        return copy;
    }

    /// <summary>Sets the factors of all units.</summary>
    private static void Choose(NoiseModel model, IReadOnlyList<EqualizationUnit> units, bool countsMeans, QuantizationSettings settings, int threads, IProgress<PithEvent>? events)
    {
        // Factors of neighbouring layers decide together what one scale for a weight costs; otherwise units do not depend on each other.
        if (!settings.PerChannel)
        {
            for (var round = 0; round < RoundsPerTensor; round++)
                for (var i = 0; i < units.Count; i++) Choose(units[i], round * units.Count + i, RoundsPerTensor * units.Count);
            return;
        }
        var done = 0;
        Parallel.ForEach(units, new ParallelOptions { MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount }, unit => Choose(unit, Interlocked.Increment(ref done) - 1, units.Count));

        void Choose(EqualizationUnit unit, int index, int total)
        {
            events?.Report(new ProgressMade(Task, index, total, string.Create(CultureInfo.InvariantCulture, $"{unit.Size} channels")));
            if (model.TermsOf(unit, countsMeans) is not { Count: > 0 } terms) return;
            var (factors, _) = FactorSearch.Run(terms, model.LimitsOf(unit));
            for (var channel = 0; channel < factors.Length; channel++) unit.Factors[channel] = (float)double.Exp2(factors[channel]);
        }
    }

    /// <summary>The units with which the error was smallest: all or none, then without or with each group of neighbours.</summary>
    private static (EqualizationUnit[] Best, double Error) Verify(Trial trial, EqualizationUnit[] changed, double before, IProgress<PithEvent>? events)
    {
        var all = trial.Error(changed);
        var (best, error) = all < before ? (changed.ToHashSet(), all) : ([], before);
        var groups = changed.Chunk((changed.Length + MaxTrials - 1) / MaxTrials).ToArray();
        for (var i = 0; i < groups.Length && changed.Length > 1; i++)
        {
            events?.Report(new ProgressMade(Task, i, groups.Length, "measure"));
            var other = best.ToHashSet();
            other.SymmetricExceptWith(groups[i].Where(unit => best.Contains(unit) == best.Contains(groups[i][0])));
            if (trial.Error([.. changed.Where(other.Contains)], error) is var otherError && otherError < error) (best, error) = (other, otherError);
        }
        events?.Report(new ProgressMade(Task, groups.Length, groups.Length));
        return ([.. changed.Where(best.Contains)], error);
    }

    /// <summary>What is reported of each class, in the order of the layers.</summary>
    private sealed class Reports
    {
        private readonly Graph _graph;
        private readonly IReadOnlyList<EqualizationUnit> _units;
        private readonly IReadOnlyList<EqualizationUnit.FreeClass> _kept;
        private readonly Dictionary<EqualizationUnit, string> _undone = [];

        public Reports(Graph graph, IReadOnlyList<EqualizationUnit> units, IReadOnlyList<EqualizationUnit.FreeClass> kept) => (_graph, _units, _kept) = (graph, units, kept);

        public IReadOnlyList<EqualizedChannels> Classes
        {
            get
            {
                var order = _graph.Nodes.SelectMany(node => node.Outputs).Index().ToDictionary(output => output.Item.Name, output => output.Index, StringComparer.Ordinal);
                var free = _units.SelectMany(unit => unit.Classes.Select((found, i) => (found, Report: Report(unit, i))));
                return [.. free.Concat(_kept.Select(found => (found, Report: new EqualizedChannels(Names(found), found.Class.Size, 1, 1, found.Class.Fixed)))).OrderBy(entry => order[entry.found.Value]).Select(entry => entry.Report)];
            }
        }

        public void Undo(EqualizationUnit unit, string reason) => _undone[unit] = reason;

        private EqualizedChannels Report(EqualizationUnit unit, int index)
        {
            var factors = unit.FactorsOf(index);
            var reason = unit.Changes ? _undone.GetValueOrDefault(unit) : "its channels are equal enough";
            return new EqualizedChannels(Names(unit.Classes[index]), factors.Length, reason is null ? factors.Min() : 1, reason is null ? factors.Max() : 1, reason);
        }

        private static string[] Names(EqualizationUnit.FreeClass found) => [.. found.Class.Values.Select(value => value.Name)];
    }

    /// <summary>The quantized network with some of the units, and the error of its outputs. Ranges of values do not depend on other units than their own, so they are observed once for each choice of factors, with all units.</summary>
    private sealed class Trial(Graph graph, QuantizationSettings settings, CalibrationImages images, int threads, QdqPlacement placement, ActivationStatistics statistics, bool roundsWeights)
    {
        private readonly OutputError _error = new(graph, images, threads);
        private readonly IReadOnlyDictionary<string, QuantizationParameters> _before = ActivationRanges.Calibrated(placement, statistics, settings);
        private IReadOnlyDictionary<string, QuantizationParameters> _after = new Dictionary<string, QuantizationParameters>();
        private double[][] _best = [];
        private double _bestError = double.PositiveInfinity;

        /// <summary>Why the best proposal may not be used; null when the float network computes the same with it.</summary>
        public string? WhyNotEqual { get; private set; }

        /// <summary>Measures the present factors of all units, and keeps them when they are the best so far.</summary>
        public void Propose(IReadOnlyList<EqualizationUnit> units)
        {
            var scaled = Scaled(graph, units);
            var change = _error.Of(scaled);
            var names = placement.Activations.Select(activation => activation.Value.Name).ToArray();
            var earlier = _after;
            _after = ActivationRanges.Calibrated(QdqPlacement.Find(scaled, settings), ImageObservation.Collect(scaled, images, names, threads, () => new NetworkProfile([], names)).Statistics, settings);
            if (Error([.. units], _bestError) is var error && error < _bestError) (_best, _bestError, WhyNotEqual) = ([.. units.Select(unit => unit.Factors.ToArray())], error, change <= LargestChange ? null : string.Create(CultureInfo.InvariantCulture, $"the float network's outputs would change by {Math.Sqrt(change):P3}"));
            else _after = earlier;
        }

        /// <summary>Gives the units the factors of the best proposal.</summary>
        public void TakeBest(IReadOnlyList<EqualizationUnit> units)
        {
            for (var i = 0; i < units.Count; i++)
                if (_best.Length > 0) _best[i].CopyTo(units[i].Factors, 0);
                else Array.Fill(units[i].Factors, 1);
        }

        public double Error(IReadOnlyCollection<EqualizationUnit> units, double limit = double.PositiveInfinity)
        {
            var scaled = Scaled(graph, units);
            var scales = units.SelectMany(unit => unit.Scales).ToHashSet();
            var found = QdqPlacement.Find(scaled, settings);
            var ranges = found.Activations.ToDictionary(activation => activation.Value.Name, activation => (scales.Contains(activation.Group) ? _after : _before)[activation.Value.Name], StringComparer.Ordinal);
            if (roundsWeights) InsertQdq.Apply(scaled, found, ranges, settings);
            else InsertQdq.ApplyToActivations(scaled, found, ranges);
            return _error.Of(scaled, limit);
        }
    }
}
