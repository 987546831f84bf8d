using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Rounds the images of a float layer to bfloat16 copies in shared scratch memory, with the zeros around them that windows reach. Threads share out the rows.</summary>
internal sealed unsafe class Bf16Images : IParallelBody
{
    // Less is not worth handing to another thread.
    private const long PartBytes = 64 << 10;

    private readonly ContractionLayer _layer;
    private readonly ConvOperands _operands;
    private readonly nint _kernel;
    private readonly int _pixelBytes;
    private readonly nint _rowBytes, _imageBytes;

    public Bf16Images(ContractionLayer layer, ConvOperands operands, BuildResources resources)
    {
        (_layer, _operands) = (layer, operands);
        _kernel = resources.Kernel("copy_f32bf16_avx512bf16", nameof(Bf16CopyEmitter), () => new Bf16CopyEmitter().Emit());
        _pixelBytes = layer.Channels * sizeof(float);
        // The rows of a matrix, which may have any rank, are images of one pixel.
        (_rowBytes, _imageBytes) = layer.IsGemm ? (_pixelBytes, _pixelBytes) : (layer.Input.RowBytes, layer.Input.ImageBytes);
    }

    public void Run(RunState state) => state.RunParallel(this, Parts(state));

    public void RunPart(RunState state, int part, int worker)
    {
        var (rows, parts) = (Rows(state), Parts(state));
        var (first, end) = WorkSplit.Share(rows, part, parts);
        for (var row = first; row < end; row++) CopyRow(state, row);
    }

    private long Rows(RunState state) => (long)_layer.Images(state.Batch) * _operands.CopyRows;

    private int Parts(RunState state) => WorkSplit.Parts((double)(Rows(state) * _operands.RowBytes / PartBytes), Rows(state), state.Pool.Threads);

    // One row of a copy, counted over all images.
    private void CopyRow(RunState state, long copyRow)
    {
        var (image, row) = Math.DivRem(copyRow, _operands.CopyRows);
        var to = state.SharedScratch + (nint)image * _operands.ImageBytes + (nint)row * _operands.RowBytes;
        // Behind the last row is what keeps the next image away from products that reach beyond this one.
        var end = row == _operands.CopyRows - 1 ? state.SharedScratch + (nint)(image + 1) * _operands.ImageBytes : to + _operands.RowBytes;
        var (height, width) = _layer.InputSize;
        var y = (int)row * _operands.CopyStepRows - _layer.Window.PadTop;
        var left = Math.Min(EvenParts.Count(_layer.Window.PadLeft, _operands.CopyStepColumns), _operands.CopyColumns);
        var x = left * _operands.CopyStepColumns - _layer.Window.PadLeft;
        var inside = y < 0 || y >= height ? 0 : Math.Clamp(EvenParts.Count(width - x, _operands.CopyStepColumns), 0, _operands.CopyColumns - left);
        var from = state.Address(_layer.Input) + (nint)image * _imageBytes + y * _rowBytes + (nint)x * _pixelBytes;
        Clear(to, to + left * _operands.PixelBytes);
        if (inside > 0) Round(from, to + left * _operands.PixelBytes, inside);
        Clear(to + (left + inside) * _operands.PixelBytes, end);
    }

    private void Round(byte* from, byte* to, int pixels)
    {
        var (count, channels, padded) = (pixels, _layer.Channels, _operands.PixelBytes / sizeof(ushort));
        // Pixels without gaps on either side are one long one.
        if (padded == channels && _operands.CopyStepColumns == 1) (count, channels, padded) = (1, pixels * channels, pixels * channels);
        var vectors = channels / PanelShape.Lanes;
        var args = new Bf16CopyArgs
        {
            From = from,
            To = to,
            Pixels = count,
            FromStride = _operands.CopyStepColumns * _pixelBytes,
            ToStride = _operands.PixelBytes,
            Vectors = vectors,
            RestMask = (1L << (channels - vectors * PanelShape.Lanes)) - 1,
            PaddedRestMask = (1L << (padded - vectors * PanelShape.Lanes)) - 1,
        };
        ((delegate* unmanaged<Bf16CopyArgs*, void>)_kernel)(&args);
    }

    private static void Clear(byte* from, byte* end) => new Span<byte>(from, (int)(end - from)).Clear();
}
