using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A layer whose result has a <see cref="Border"/> that it does not write itself: writes the border, whose memory other slots have used since the last run, then runs the layer.</summary>
internal sealed class BorderedLayer(RunnableLayer inner, Slot slot) : RunnableLayer, IParallelBody
{
    public override long ScratchBytes => inner.ScratchBytes;

    public override long SharedScratchBytes => inner.SharedScratchBytes;

    public override void Run(RunState state)
    {
        state.RunParallel(this, slot.Shape.Size(0, state.Batch));
        inner.Run(state);
    }

    /// <summary>Writes the border of one image.</summary>
    public void RunPart(RunState state, int part, int worker) => BorderRows.Write(slot, state, part, 0, slot.Height);
}
