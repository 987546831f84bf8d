using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Runs an op by its own definition, on row-major copies. Always works; allocates.</summary>
internal sealed class ReferenceOp : Tactic<OpLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override bool KeepsConstants => false;

    protected override Verdict Accept(OpLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(OpLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(OpLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
        {
            var inputs = Array.ConvertAll(layer.Inputs, input => input is null ? null : SlotTensors.Read(input, state));
            var results = layer.Op.Evaluate(inputs, layer.Outputs.Length);
            for (var i = 0; i < results.Length; i++) SlotTensors.Write(layer.Outputs[i], state, results[i]);
        }
    }
}
