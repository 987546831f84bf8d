using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Changes the layout element by element.</summary>
internal sealed class ReferenceReorder : ReferenceTactic<ReorderLayer>
{
    protected override unsafe void Run(ReorderLayer layer, RunState state)
    {
        var from = state.Address(layer.Input);
        var to = state.Address(layer.Output);
        if (layer.Input.Layout == Layout.RowMajor) SlotTensors.FromRowMajor(layer.Output, state.Batch, from, to);
        else if (layer.Output.Layout != Layout.RowMajor) throw new InvalidOperationException($"Layer {layer.Name} has no row-major side.");
        else SlotTensors.ToRowMajor(layer.Input, state.Batch, from, to);
    }
}
