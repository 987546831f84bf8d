using System.Numerics;

namespace Pith.Ops;

/// <summary>
/// The sums that convolution, its gradients and transposed convolution are made of. Float operands come as doubles, so that each output is rounded
/// once; quantized operands come as 32-bit integers, exact. Layouts: x is [N, C, D, H, W], y is [N, K, D', H', W'], w is [K, C/groups, R, S, T].
/// </summary>
internal sealed class ConvolutionLoops(int batch, int channels, int filters, int groups, WindowGeometry geometry)
{
    private readonly WindowGeometry _window = geometry.MergedWhenPointwise();
    private readonly WindowRow[] _rows = geometry.MergedWhenPointwise().Rows();

    /// <summary>y[n,k,o] = bias[k] + the sum over c, r, s, t, in this order, of x[n, c, o*stride + r*dilation - pad] * w[k,c,r,s,t].</summary>
    public T[] Forward<T>(T[] x, T[] w, T[]? bias) where T : struct, INumber<T>
    {
        var y = new T[batch * filters * _window.OutputLength];
        if (bias is not null)
            for (var plane = 0; plane < batch * filters; plane++) y.AsSpan(plane * _window.OutputLength, _window.OutputLength).Fill(bias[plane % filters]);
        ForEachPlanePair((xStart, yStart, wStart) =>
        {
            foreach (var row in _rows)
                AddScaled(y.AsSpan(yStart + row.Output), 1, x.AsSpan(xStart + row.Input), _window.Width.Stride, row.Count, w[wStart + row.Tap]);
        });
        return y;
    }

    /// <summary>The adjoint of <see cref="Forward"/> with respect to x: every y[n,k,o] * w[k,c,r,s,t] is added to the input element that it came from.</summary>
    public T[] InputGradient<T>(T[] y, T[] w) where T : struct, INumber<T>
    {
        var x = new T[batch * channels * _window.InputLength];
        ForEachPlanePair((xStart, yStart, wStart) =>
        {
            foreach (var row in _rows)
                AddScaled(x.AsSpan(xStart + row.Input), _window.Width.Stride, y.AsSpan(yStart + row.Output), 1, row.Count, w[wStart + row.Tap]);
        });
        return x;
    }

    /// <summary>The adjoint of <see cref="Forward"/> with respect to w: the sum over n and o of y[n,k,o] * x[n, c, o*stride + r*dilation - pad].</summary>
    public double[] WeightGradient(double[] x, double[] y)
    {
        var w = new double[filters * (channels / groups) * _window.KernelLength];
        ForEachPlanePair((xStart, yStart, wStart) =>
        {
            foreach (var row in _rows)
                for (int i = 0, input = xStart + row.Input; i < row.Count; i++, input += _window.Width.Stride)
                    w[wStart + row.Tap] += y[yStart + row.Output + i] * x[input];
        });
        return w;
    }

    /// <summary>Calls <paramref name="visit"/> with the starts of the planes of x, y and w that meet, c innermost.</summary>
    private void ForEachPlanePair(Action<int, int, int> visit)
    {
        var (channelsPerGroup, filtersPerGroup) = (channels / groups, filters / groups);
        for (var n = 0; n < batch; n++)
        for (var k = 0; k < filters; k++)
        for (var c = 0; c < channelsPerGroup; c++)
        {
            var channel = k / filtersPerGroup * channelsPerGroup + c;
            visit((n * channels + channel) * _window.InputLength, (n * filters + k) * _window.OutputLength, (k * channelsPerGroup + c) * _window.KernelLength);
        }
    }

    private static void AddScaled<T>(Span<T> to, int toStride, ReadOnlySpan<T> from, int fromStride, int count, T factor) where T : struct, INumber<T>
    {
        if (toStride == 1 && fromStride == 1)
        {
            to = to[..count];
            from = from[..count];
            for (var i = 0; i < from.Length; i++) to[i] += from[i] * factor;
            return;
        }
        for (var i = 0; i < count; i++) to[i * toStride] += from[i * fromStride] * factor;
    }
}
