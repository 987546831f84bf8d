using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The plain loops for one kind of layer: take every layer of it and are chosen last.</summary>
internal abstract class ReferenceTactic<TLayer> : Tactic<TLayer>, IReferenceTactic where TLayer : Layer
{
    public sealed override string Name => "reference";

    protected sealed override Verdict Accept(TLayer layer, Device device) => Verdict.Yes;

    protected sealed override double EstimateSeconds(TLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(TLayer layer, BuildResources resources) => new Runnable(this, layer);

    /// <summary>Reads the operands' slots and writes the results'.</summary>
    protected abstract void Run(TLayer layer, RunState state);

    private sealed class Runnable(ReferenceTactic<TLayer> tactic, TLayer layer) : RunnableLayer
    {
        public override void Run(RunState state) => tactic.Run(layer, state);
    }
}
