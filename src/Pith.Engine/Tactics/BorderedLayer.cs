using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A layer whose result has a <see cref="Border"/> that it does not write itself: the border, whose memory other slots have used since the last run, is written by the threads that run the layer.</summary>
internal sealed class BorderedLayer(RunnableLayer inner, Slot slot) : RunnableLayer
{
    public override long ScratchBytes => inner.ScratchBytes;

    public override long SharedScratchBytes => inner.SharedScratchBytes;

    public override void Run(RunState state)
    {
        state.OpenBorder(slot);
        try
        {
            inner.Run(state);
        }
        catch
        {
            // Or the next layer that runs would write it, over whatever the slot's memory then holds.
            state.AbandonBorder();
            throw;
        }
        state.CloseBorder();
    }
}
