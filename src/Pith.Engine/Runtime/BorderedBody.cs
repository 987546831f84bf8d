using Pith.Building;

namespace Pith.Runtime;

/// <summary>Parts that also write the border of a slot, each its share of the rows: the border costs no pass of its own. Belongs to one context.</summary>
internal sealed class BorderedBody : IParallelBody
{
    private IParallelBody? _body;
    private Slot? _slot;
    private int _parts;

    /// <summary>Runs the parts of <paramref name="body"/>, and writes the border of <paramref name="slot"/>.</summary>
    public void Run(RunState state, Slot slot, IParallelBody body, int parts)
    {
        (_body, _slot, _parts) = (body, slot, parts);
        state.Pool.Run(this, state, parts);
    }

    public void RunPart(RunState state, int part, int worker)
    {
        WriteShare(_slot!, state, part, _parts);
        _body!.RunPart(state, part, worker);
    }

    /// <summary>Writes the border of one part's share of all images' rows.</summary>
    public static void WriteShare(Slot slot, RunState state, int part, int parts)
    {
        var rows = (long)slot.Shape.Size(0, state.Batch) * slot.Height;
        var (first, end) = WorkSplit.Share(rows, part, parts);
        while (first < end)
        {
            var (image, row) = Math.DivRem(first, slot.Height);
            var rowEnd = Math.Min(slot.Height, row + end - first);
            BorderRows.Write(slot, state, (int)image, (int)row, (int)rowEnd);
            first += rowEnd - row;
        }
    }
}
