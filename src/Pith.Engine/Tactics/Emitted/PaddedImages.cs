using Pith.Building;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Copies the images of a contraction, with what its windows reach around them, into shared scratch memory. Threads share out the rows.</summary>
internal unsafe class PaddedImages(ContractionLayer layer, ConvOperands operands) : IParallelBody
{
    // Less is not worth handing to another thread.
    private const double PartBytes = 64 << 10;

    private readonly byte _padding = (byte)(layer.Int8?.Input.StoredZeroPoint ?? 0);

    // Bytes of the input. The rows of a float matrix, which may have any rank, are images of one pixel.
    private readonly (int Pixel, nint Row, nint Image) _input = layer.IsGemm && layer.Int8 is null
        ? (layer.Channels * sizeof(float), 0, layer.Channels * sizeof(float)) : (layer.Input.PixelBytes, layer.Input.RowBytes, layer.Input.ImageBytes);

    protected ContractionLayer Layer => layer;

    protected ConvOperands Operands => operands;

    /// <summary>Bytes of the copies.</summary>
    public long Bytes(int batch) => layer.Images(batch) * (long)operands.ImageBytes;

    public void Run(RunState state) => state.RunParallel(this, Parts(state));

    public void RunPart(RunState state, int part, int worker)
    {
        var (first, end) = WorkSplit.Share(Rows(state), part, Parts(state));
        for (var row = first; row < end; row++) CopyRow(state, row, state.SharedScratch);
    }

    /// <summary>Copies some images, on the caller's thread.</summary>
    /// <param name="state">The run.</param>
    /// <param name="first">The first image.</param>
    /// <param name="count">How many.</param>
    /// <param name="copies">Where the copy of image 0 would be: those of the images follow it at equal distances.</param>
    public void Run(RunState state, int first, int count, byte* copies)
    {
        for (var row = (long)first * operands.CopyArea.Rows; row < (first + (long)count) * operands.CopyArea.Rows; row++) CopyRow(state, row, copies);
    }

    /// <summary>Copies pixels that lie in a row, every <see cref="ConvOperands.CopyStepColumns"/>th.</summary>
    protected virtual void CopyPixels(byte* from, byte* to, int pixels)
    {
        var bytes = (nint)pixels * operands.PixelBytes;
        Buffer.MemoryCopy(from, to, bytes, bytes);
    }

    private long Rows(RunState state) => (long)layer.Images(state.Batch) * operands.CopyArea.Rows;

    private int Parts(RunState state) => WorkSplit.Parts(Rows(state) * operands.RowBytes / PartBytes, Rows(state), state.Pool.Threads);

    // One row of a copy, counted over all images.
    private void CopyRow(RunState state, long copyRow, byte* copies)
    {
        var (image, row) = Math.DivRem(copyRow, operands.CopyArea.Rows);
        var to = copies + (nint)image * operands.ImageBytes + (nint)row * operands.RowBytes;
        // After the last row comes what keeps the next image away from products that reach beyond this one.
        var end = row == operands.CopyArea.Rows - 1 ? copies + (nint)(image + 1) * operands.ImageBytes : to + operands.RowBytes;
        var (height, width) = layer.InputSize;
        var (y, x) = ((int)row * operands.CopyStepRows + operands.CopyArea.Row, operands.CopyArea.Column);
        var (left, inside) = y < 0 || y >= height ? (0, 0) : PaddedCopy.Split(x, operands.CopyStepColumns, operands.CopyArea.Columns, width);
        byte* first = to + (nint)left * operands.PixelBytes, last = first + (nint)inside * operands.PixelBytes;
        Fill(to, first);
        if (inside > 0) CopyPixels(state.Address(layer.Input) + (nint)image * _input.Image + y * _input.Row + (nint)(x + left * operands.CopyStepColumns) * _input.Pixel, first, inside);
        Fill(last, end);
    }

    private void Fill(byte* from, byte* end) => new Span<byte>(from, (int)(end - from)).Fill(_padding);
}
