using Pith.Building;

namespace Pith.Tactics;

/// <summary>Chooses a tactic for each layer: who accepts, who is expected to be fast, who is fast.</summary>
internal sealed class Autotuner(BuildResources resources, EngineOptions options, IProgress<PithEvent>? events)
{
    /// <summary>The chosen tactic, built, with what became of the others.</summary>
    public (RunnableLayer Runnable, Tactic Tactic, ValueList<TacticVerdict> Verdicts) Choose(Layer layer)
    {
        var spec = layer.SpecAt(resources.MaxBatch);
        var verdicts = new List<TacticVerdict>();
        var accepted = new List<Tactic>();
        foreach (var tactic in TacticCatalog.For(layer))
        {
            var isReference = tactic is IReferenceTactic;
            var verdict = options.ReferenceOnly && !isReference ? Verdict.No("only reference tactics were asked for") : tactic.Accept(layer, resources.Device);
            if (verdict.Accepted)
            {
                accepted.Add(tactic);
                continue;
            }
            verdicts.Add(new TacticVerdict(tactic.Name, false, verdict.Reason, null));
            events?.Report(new TacticRejected(layer.Name, spec, tactic.Name, verdict.Reason));
        }
        var chosen = accepted.MinBy(tactic => tactic.EstimateSeconds(layer, resources.Device))!;
        var reason = accepted.Count == 1 ? "the only one that accepts" : "expected to be the fastest";
        foreach (var tactic in accepted)
            verdicts.Add(new TacticVerdict(tactic.Name, true, tactic == chosen ? reason : "expected to be slower", null));
        events?.Report(new TacticChosen(layer.Name, spec, chosen.Name, reason));
        return (chosen.Build(layer, resources), chosen, verdicts.ToValueList());
    }
}
