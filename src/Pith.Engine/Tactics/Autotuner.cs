using System.Diagnostics;
using Pith.Building;

namespace Pith.Tactics;

/// <summary>Chooses a tactic for each layer: who accepts, who is expected to be fast, who is fast.</summary>
/// <param name="network">The network.</param>
/// <param name="resources">The engine's; candidates share its code.</param>
/// <param name="options">Whether to time, and what was timed before.</param>
/// <param name="planned">Tactics chosen by an earlier build on the same kind of machine, by layer name; null for none.</param>
/// <param name="events">Receives every decision.</param>
internal sealed class Autotuner(LoweredNetwork network, EngineResources resources, EngineOptions options, IReadOnlyDictionary<string, PlannedTactic>? planned, IProgress<PithEvent>? events) : IDisposable
{
    // A tactic that is expected to be slower than that is not worth timing, and neither are more than this many.
    private const double WorthTiming = 4;
    private const int MostTimed = 6;

    // Of each form of sparse weights: these compete with the dense kernels, and with each other.
    private const int MostTimedSparse = 3;

    private readonly long _begin = Stopwatch.GetTimestamp();
    private LayerTimer? _timer;

    /// <summary>The chosen tactic, with what it was chosen for, what became of the others, and why none of those could run it when it is plain loops.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="batch">The largest batch that it sees.</param>
    public TacticChoice Choose(Layer layer, int batch)
    {
        var spec = layer.SpecAt(TimedBatch(batch));
        if (Planned(layer, spec) is { } stated) return stated;
        var candidates = Candidates(layer);
        foreach (var refused in candidates.Where(candidate => !candidate.Verdict.Accepted)) events?.Report(new TacticRejected(layer.Name, spec, refused.Tactic.Name, refused.Verdict.Reason));
        var accepted = candidates.Where(candidate => candidate.Verdict.Accepted).ToArray();
        var (chosen, reason) = Fastest(layer, batch, spec, accepted);
        events?.Report(new TacticChosen(layer.Name, spec, chosen.Tactic.Name, reason));
        return new TacticChoice(chosen.Tactic, spec, new(() => Verdicts(candidates, chosen.Tactic, reason)), RunsPlainLoops(chosen.Tactic) ? ReferenceReason(layer, candidates) : null);
    }

    // What a plan states is asked of that tactic alone: what became of the others matters to reports only, and takes as long as everything else about a layer of a plan.
    private TacticChoice? Planned(Layer layer, LayerSpec spec)
    {
        if (planned is null || !planned.TryGetValue(layer.Name, out var choice) || choice.Spec != spec.ToString()) return null;
        var tactic = resources.Device.TacticsFor(layer).FirstOrDefault(tactic => tactic.Name == choice.Tactic);
        if (tactic is null || !Accept(tactic, layer).Accepted) return null;
        events?.Report(new TacticChosen(layer.Name, spec, tactic.Name, choice.Reason));
        return new TacticChoice(tactic, spec, new(() => Verdicts(Candidates(layer, choice.Timed), tactic, choice.Reason)), RunsPlainLoops(tactic) ? ReferenceReason(layer, Candidates(layer)) : null);
    }

    private Candidate[] Candidates(Layer layer, IReadOnlyDictionary<string, double>? timed = null) =>
        [.. resources.Device.TacticsFor(layer).Select(tactic => new Candidate(tactic, Accept(tactic, layer)) { Seconds = timed is not null && timed.TryGetValue(tactic.Name, out var seconds) ? seconds : null })];

    private static ValueList<TacticVerdict> Verdicts(Candidate[] candidates, Tactic chosen, string reason) => candidates.Select(candidate => candidate.Describe(candidate.Tactic == chosen ? reason : null)).ToValueList();

    private static bool RunsPlainLoops(Tactic tactic) => tactic is IReferenceTactic { RunsPlainLoops: true };

    private static string ReferenceReason(Layer layer, Candidate[] candidates)
    {
        var refusals = candidates.Where(candidate => candidate.Verdict is { Accepted: false, IsOtherKind: false }).Select(candidate => candidate.Verdict.Reason).Distinct().ToArray();
        return refusals.Length > 0 ? $"no kernel takes it: {string.Join("; ", refusals)}" : $"there is no kernel for {layer.Work}";
    }

    private Verdict Accept(Tactic tactic, Layer layer) =>
        options.ReferenceOnly && tactic is not IReferenceTactic ? Verdict.No("only reference tactics were asked for") : tactic.Accept(layer, resources.Device);

    private (Candidate, string) Fastest(Layer layer, int batch, LayerSpec spec, Candidate[] accepted)
    {
        if (accepted.Length == 1) return (accepted[0], "the only one that accepts");
        foreach (var candidate in accepted) candidate.Estimate = candidate.Tactic is IReferenceTactic ? double.MaxValue : candidate.Tactic.EstimateSeconds(layer, resources.Device);
        var best = accepted.MinBy(candidate => candidate.Estimate)!;
        var worth = accepted.Where(candidate => candidate.Estimate <= best.Estimate * WorthTiming && candidate.Tactic is not IReferenceTactic).OrderBy(candidate => candidate.Estimate).ToArray();
        // Estimates of different kernels compare worst: the best of each precision and of each form of weights are timed, dense ones as if there were no others.
        var close = worth.GroupBy(candidate => candidate.Tactic.WeightForm).SelectMany(form => form.Take(form.Key == TacticVerdict.Dense ? MostTimed : MostTimedSparse))
            .Union(worth.DistinctBy(candidate => candidate.Tactic.Precision(layer))).ToArray();
        if (!options.TimeTactics || close.Length < 2) return (best, "expected to be the fastest");
        foreach (var candidate in close) candidate.Seconds = options.TimingCache?.Find(Key(candidate.Tactic, spec));
        if (close.Any(candidate => candidate.Seconds is null))
        {
            if (options.TuningBudget is { } budget && Stopwatch.GetElapsedTime(_begin) > budget) return (best, "expected to be the fastest; the time for measuring was used up");
            Time(close, layer, batch, spec);
        }
        return (close.MinBy(candidate => candidate.Seconds)!, "measured to be the fastest");
    }

    // All of them again, also those that the cache knows: only times of one session compare.
    private void Time(Candidate[] candidates, Layer layer, int batch, LayerSpec spec)
    {
        _timer ??= new LayerTimer(network, resources.Device, resources.Code);
        var seconds = _timer.Seconds([.. candidates.Select(candidate => candidate.Tactic)], layer, batch, TimedBatch(batch));
        for (var i = 0; i < candidates.Length; i++)
        {
            candidates[i].Seconds = seconds[i];
            options.TimingCache?.Add(Key(candidates[i].Tactic, spec), seconds[i]);
            events?.Report(new TacticTimed(layer.Name, spec, candidates[i].Tactic.Name, seconds[i]));
        }
    }

    // The batch that layers are timed at: the best one, unless they see smaller ones only.
    private int TimedBatch(int batch) => options.OptBatch == 0 || network.Shapes.IsFixed ? batch : Math.Min(options.OptBatch, batch);

    private string Key(Tactic tactic, LayerSpec spec) => $"{resources.Device.Kind} {tactic.Name} {spec}";

    public void Dispose() => _timer?.Dispose();

    private sealed class Candidate(Tactic tactic, Verdict verdict)
    {
        public Tactic Tactic { get; } = tactic;

        public Verdict Verdict { get; } = verdict;

        public double Estimate { get; set; }

        public double? Seconds { get; set; }

        public TacticVerdict Describe(string? chosenBecause) =>
            new(Tactic.Name, Verdict.Accepted, chosenBecause ?? (!Verdict.Accepted ? Verdict.Reason : Seconds is null ? "expected to be slower" : "measured to be slower"), Seconds, Tactic.WeightForm);
    }
}

/// <summary>What was chosen for a layer.</summary>
/// <param name="Tactic">The tactic.</param>
/// <param name="Spec">What the layer is.</param>
/// <param name="Verdicts">What became of every tactic; found out when somebody asks.</param>
/// <param name="ReferenceReason">Why the layer runs as plain reference loops; null when a kernel runs it.</param>
internal sealed record TacticChoice(Tactic Tactic, LayerSpec Spec, Deferred<ValueList<TacticVerdict>> Verdicts, string? ReferenceReason);

/// <summary>A choice of an earlier build.</summary>
/// <param name="Spec">The layer's specification then, as text.</param>
/// <param name="Tactic">The tactic's name.</param>
/// <param name="Reason">Why it was chosen.</param>
/// <param name="Timed">The seconds of the tactics that were timed then, by name.</param>
internal sealed record PlannedTactic(string Spec, string Tactic, string Reason, IReadOnlyDictionary<string, double> Timed);
