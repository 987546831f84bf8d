using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Layers that only move elements, of any type and in any layout: each result is copies in which every axis has a start and a stride (<see cref="Moves"/>).</summary>
internal sealed class StridedCopies : Tactic<OpLayer>
{
    public override string Name => "strided-copy";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        // int8 is stored with another sign in channels-last slots.
        if (layer.Output.DataType == DataType.Int8 && layer.Inputs.Any(input => input is { DataType: DataType.Int8 } && input.IsQuantized != layer.Output.IsQuantized)) return Verdict.No("changes the layout of int8 values");
        if (layer.Op is InterleavePhases && layer.Output.Layout == Layout.RowMajor) return Verdict.No("would turn phases element by element");
        if (layer.Outputs.Any(output => output.Shape.Rank > Move.MostLoops - 1)) return Verdict.No("has too many axes");
        return Moves.Of(layer) is not null ? Verdict.Yes : Verdict.NotFor("ops that only move elements, within constant bounds");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(Moves.Of(layer)!);

    private sealed class Runnable(Move[] moves) : RunnableLayer, IParallelBody
    {
        public override void Run(RunState state)
        {
            var parts = 0;
            foreach (var move in moves) parts += move.Parts(state.Batch);
            state.RunParallel(this, parts);
        }

        public void RunPart(RunState state, int part, int worker)
        {
            foreach (var move in moves)
            {
                var parts = move.Parts(state.Batch);
                if (part < parts)
                {
                    move.Run(state, part);
                    return;
                }
                part -= parts;
            }
        }
    }
}
