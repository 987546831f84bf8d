using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Copies bytes.</summary>
internal sealed unsafe class Copy : Tactic<CopyLayer>, IReferenceTactic
{
    public override string Name => "copy";

    bool IReferenceTactic.RunsPlainLoops => false;

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(CopyLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(CopyLayer layer, Device device) => 0;

    protected override RunnableLayer Build(CopyLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(CopyLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
        {
            var bytes = layer.Output.Bytes(state.Batch);
            Buffer.MemoryCopy(state.Address(layer.Input), state.Address(layer.Output), bytes, bytes);
        }
    }
}
