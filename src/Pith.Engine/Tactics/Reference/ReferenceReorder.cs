using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Changes the layout element by element.</summary>
internal sealed class ReferenceReorder : Tactic<ReorderLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override Verdict Accept(ReorderLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(ReorderLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(ReorderLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(ReorderLayer layer) : RunnableLayer
    {
        public override unsafe void Run(RunState state)
        {
            var from = state.Address(layer.Input);
            var to = state.Address(layer.Output);
            if (layer.Input.Layout == Layout.RowMajor) SlotTensors.FromRowMajor(layer.Output, state.Batch, from, to);
            else if (layer.Output.Layout != Layout.RowMajor) throw new InvalidOperationException($"Layer {layer.Name} has no row-major side.");
            else SlotTensors.ToRowMajor(layer.Input, state.Batch, from, to);
        }
    }
}
