using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Runs an op by its own definition, on row-major copies. Always works; allocates.</summary>
internal sealed class ReferenceOp : ReferenceTactic<OpLayer>
{
    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override bool KeepsConstants => false;

    protected override void Run(OpLayer layer, RunState state)
    {
        var inputs = Array.ConvertAll(layer.Inputs, input => input is null ? null : SlotTensors.Read(input, state));
        var results = layer.Op.Evaluate(inputs, layer.Outputs.Length);
        for (var i = 0; i < results.Length; i++) SlotTensors.Write(layer.Outputs[i], state, results[i]);
    }
}
