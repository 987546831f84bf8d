using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Copies the images of a float convolution into shared scratch memory with their padding around them, for layers whose input has no border. A part is some rows of an image.</summary>
internal sealed unsafe class Fp32PaddedCopies(ContractionLayer layer, Fp32ConvOperands operands) : IParallelBody
{
    private const int BytesPerPart = 64 << 10;

    private readonly int _rows = (int)Math.Clamp(BytesPerPart / Math.Max(1, operands.InputRow), 1, operands.CopyRows);

    /// <summary>Bytes of scratch memory.</summary>
    public long Bytes(int batch) => layer.Images(batch) * (long)operands.InputImage;

    public void Run(RunState state) => state.RunParallel(this, layer.Images(state.Batch) * PartsPerImage);

    public void RunPart(RunState state, int part, int worker)
    {
        var (image, band) = Math.DivRem(part, PartsPerImage);
        var first = band * _rows;
        var to = state.SharedScratch + image * operands.InputImage + first * operands.InputRow;
        PaddedCopy.Of(FeatureMaps.Of(layer.Input, state), image).Run(first - layer.Window.PadTop, Math.Min(_rows, operands.CopyRows - first), -layer.Window.PadLeft, operands.CopyColumns, to);
    }

    private int PartsPerImage => EvenParts.Count(operands.CopyRows, _rows);
}
