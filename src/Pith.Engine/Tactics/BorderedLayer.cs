using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>A layer whose result has a <see cref="Border"/>: writes the border, whose memory other slots have used since the last run, then runs the layer.</summary>
internal sealed unsafe class BorderedLayer(RunnableLayer inner, Slot slot) : RunnableLayer, IParallelBody
{
    public override long ScratchBytes => inner.ScratchBytes;

    public override long SharedScratchBytes => inner.SharedScratchBytes;

    public override void Run(RunState state)
    {
        state.RunParallel(this, slot.Shape.Size(0, state.Batch));
        inner.Run(state);
    }

    /// <summary>Writes the border of one image.</summary>
    public void RunPart(RunState state, int part, int worker)
    {
        var (border, pixel) = (slot.Border, slot.PixelBytes);
        var row = state.Address(slot) + part * slot.ImageBytes - slot.OriginBytes;
        Fill(row, border.Top * slot.RowBytes + border.Left * pixel, border.Value);
        row += border.Top * slot.RowBytes;
        // The right border of a row and the left one of the next are one run of bytes.
        var between = (border.Left + border.Right) * pixel;
        for (var y = 1; y < slot.Height; y++, row += slot.RowBytes) Fill(row + slot.RowBytes - border.Right * pixel, between, border.Value);
        Fill(row + slot.RowBytes - border.Right * pixel, border.Right * pixel + border.Bottom * slot.RowBytes, border.Value);
    }

    private static void Fill(byte* start, nint bytes, byte value) => new Span<byte>(start, (int)bytes).Fill(value);
}
