using Pith.Building;
using Pith.Kernels;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Pools by plain loops, float and 8-bit.</summary>
internal sealed unsafe class ReferencePool : ReferenceTactic<PoolLayer>
{
    protected override void Run(PoolLayer layer, RunState state)
    {
        var images = layer.Input.Shape.Size(0, state.Batch);
        for (var n = 0; n < images; n++)
            for (var y = 0; y < layer.Output.Height; y++)
                for (var x = 0; x < layer.Output.Width; x++)
                    for (var c = 0; c < layer.Input.Channels; c++)
                    {
                        if (layer.Input.DataType == DataType.Float32) PoolFloat(layer, state, n, y, x, c);
                        else PoolBytes(layer, state, n, y, x, c);
                    }
    }

    private static void PoolBytes(PoolLayer layer, RunState state, int n, int y, int x, int c)
    {
        var (max, sum, inside) = (0, 0, 0);
        var input = state.Address(layer.Input);
        foreach (var (row, column) in Window(layer, y, x))
        {
            var q = input[layer.Input.PixelOffset(n, row, column) + c];
            (max, sum, inside) = (Math.Max(max, q), sum + q, inside + 1);
        }
        var at = layer.Output.PixelOffset(n, y, x);
        if (layer.IsMax) state.Address(layer.Output)[at + c] = (byte)max;
        else
        {
            var from = layer.InputQuantization!.Value;
            var mean = Int8Arithmetic.Mean(sum - inside * from.StoredZeroPoint, from.Scale, layer.Count(y, x));
            if (layer.OutputQuantization is { } to) state.Address(layer.Output)[at + c] = Int8Arithmetic.Quantize(mean, to);
            else ((float*)(state.Address(layer.Output) + at))[c] = mean;
        }
    }

    private static void PoolFloat(PoolLayer layer, RunState state, int n, int y, int x, int c)
    {
        var input = state.Address(layer.Input);
        var (max, sum) = (float.NegativeInfinity, 0.0);
        foreach (var (row, column) in Window(layer, y, x))
        {
            var value = ((float*)(input + layer.Input.PixelOffset(n, row, column)))[c];
            max = value > max ? value : max;
            sum += value;
        }
        ((float*)(state.Address(layer.Output) + layer.Output.PixelOffset(n, y, x)))[c] = layer.IsMax ? max : (float)(sum / layer.Count(y, x));
    }

    // The pixels under the window of an output that lie inside the input.
    private static IEnumerable<(int Row, int Column)> Window(PoolLayer layer, int y, int x)
    {
        var (w, height, width) = (layer.Window, layer.Input.Height, layer.Input.Width);
        for (var r = 0; r < w.KernelHeight; r++)
            for (var s = 0; s < w.KernelWidth; s++)
            {
                var (row, column) = (y * w.StrideHeight + r * w.DilationHeight - w.PadTop, x * w.StrideWidth + s * w.DilationWidth - w.PadLeft);
                if (row >= 0 && row < height && column >= 0 && column < width) yield return (row, column);
            }
    }
}
