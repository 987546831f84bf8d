using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>
/// A layer that writes images row by row. A part is some rows of one image, some microseconds of work, and the border around them: what surrounds a row is written by the thread that writes it.
/// </summary>
/// <param name="output">The result, channels-last.</param>
internal abstract class RowLayer(Slot output) : RunnableLayer, IParallelBody
{
    private const int PartPixels = 2048, PartBytes = 65536;

    private readonly int _rows = EvenParts.Length(output.Height, Math.Clamp(Math.Min(PartPixels, PartBytes / output.PixelBytes) / output.Width, 1, output.Height));

    public sealed override bool WritesBorder => true;

    private int PartsPerImage => EvenParts.Count(output.Height, _rows);

    public sealed override void Run(RunState state) => state.RunParallel(this, output.Shape.Size(0, state.Batch) * PartsPerImage);

    public void RunPart(RunState state, int part, int worker)
    {
        var (image, band) = Math.DivRem(part, PartsPerImage);
        var (first, end) = (band * _rows, Math.Min(output.Height, (band + 1) * _rows));
        if (!output.Border.IsEmpty) BorderRows.Write(output, state, image, first, end);
        RunRows(state, image, first, end, worker);
    }

    /// <summary>Writes rows [<paramref name="first"/>, <paramref name="end"/>) of an image.</summary>
    protected abstract void RunRows(RunState state, int image, int first, int end, int worker);
}
