using Pith.Building;
using Pith.Runtime;

namespace Pith.Kernels.Reference;

/// <summary>INT8 convolution and matrix product as plain loops over output image, row, column and channel: the specification of every INT8 contraction kernel.</summary>
internal sealed unsafe class Int8ContractionLoops(ContractionLayer layer)
{
    private readonly Int8Contraction _int8 = layer.Int8!;
    private readonly ContractionConstants _constants = new(layer);

    public void Run(RunState state)
    {
        var (height, width) = layer.OutputSize;
        var images = layer.Images(state.Batch);
        for (var n = 0; n < images; n++)
            for (var y = 0; y < height; y++)
                for (var x = 0; x < width; x++)
                    for (var k = 0; k < layer.OutChannels; k++) Store(state, n, y, x, k, Accumulate(state, n, y, x, k));
    }

    /// <summary>sum of (x - zero point) * w over the window, plus the integer bias; what lies outside the input counts as 0.</summary>
    private int Accumulate(RunState state, int n, int y, int x, int k)
    {
        var (height, width) = layer.InputSize;
        var (w, zeroPoint) = (layer.Window, _int8.Input.StoredZeroPoint);
        var perGroup = layer.Channels / layer.Groups;
        var firstChannel = k / (layer.OutChannels / layer.Groups) * perGroup;
        var input = state.Address(layer.Input);
        var weights = _int8.Weights.Data.AsSpan(k * perGroup * w.Taps, perGroup * w.Taps);
        var sum = _int8.IntegerBias[k];
        for (var r = 0; r < w.KernelHeight; r++)
            for (var s = 0; s < w.KernelWidth; s++)
            {
                var (row, column) = (y * w.StrideHeight + r * w.DilationHeight - w.PadTop, x * w.StrideWidth + s * w.DilationWidth - w.PadLeft);
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                var pixel = input + layer.Input.PixelOffset(n, row, column) + firstChannel;
                for (var c = 0; c < perGroup; c++) sum += (pixel[c] - zeroPoint) * weights[(c * w.KernelHeight + r) * w.KernelWidth + s];
            }
        return sum;
    }

    private void Store(RunState state, int n, int y, int x, int k, int accumulator)
    {
        var residual = 0f;
        var pixel = ((nint)n * layer.OutputSize.Height + y) * layer.OutputSize.Width + x;
        if (layer.Residual is { } slot)
            residual = slot.IsQuantized
                ? Int8Arithmetic.Residual(state.Address(slot)[slot.PixelOffset(n, y, x) + k], _constants)
                : Int8Arithmetic.Residual(((float*)state.Address(slot))[pixel * slot.Channels + k], _constants);
        var value = Int8Arithmetic.Value(accumulator, k, residual, _constants);
        var output = state.Address(layer.Output);
        if (layer.Output.IsQuantized) output[layer.Output.PixelOffset(n, y, x) + k] = Int8Arithmetic.Store(value, _constants.OutputZeroPoint);
        else ((float*)output)[pixel * layer.OutChannels + k] = value;
    }
}
